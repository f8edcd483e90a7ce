import fc from "fast-check";
import { expect, it } from "vitest";
import { EPOCH, IDLE_MS } from "#test/fixtures/liveness.ts";
import { Liveness } from "./liveness.ts";

it("no schedule confirms a mark that was queued after the ping, of another reign, or twice", () => {
  const event = fc.oneof(
    fc.record({ kind: fc.constant("act" as const), busyMs: fc.constantFrom(0, 0, 0, 3_000) }),
    fc.record({ kind: fc.constant("pass" as const), ms: fc.constantFrom(0, 1, 100, 250, 3_000, 15_000) }),
    fc.record({ kind: fc.constant("echo" as const), back: fc.nat(4) }),
    fc.record({ kind: fc.constantFrom("hear", "hold", "release", "forget", "probe", "revive", "stuck") }),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const live = new Liveness({ nonce: "n", idleMs: IDLE_MS }, 0, EPOCH);
      const out = { bufferedBytes: 0, movedAtMs: 0 };
      /** Of each ping: the reign at its time and the marks before it. */
      const sent: { token: string; reign: number; below: number }[] = [];
      let [nowMs, reign, mark, known] = [0, 0, 0, 0];
      const told = (confirmed: number | null, most: number) => {
        if (confirmed === null) return;
        expect(confirmed).toBeLessThanOrEqual(most);
        expect(confirmed).toBeGreaterThan(known);
        known = confirmed;
      };
      const step = () => {
        for (let next = live.next(nowMs, out); next.kind !== "wait"; next = live.next(nowMs, out)) {
          if (next.kind === "dead") return;
          if (next.kind === "confirmed") told(next.mark, out.bufferedBytes === 0 ? mark : known);
          else sent.push({ token: next.token, reign, below: mark });
        }
      };
      for (const one of events) {
        if (one.kind === "act" && "busyMs" in one) live.acted({ mark: ++mark, busyMs: one.busyMs, at: 0 }, nowMs);
        else if (one.kind === "pass" && "ms" in one) nowMs += one.ms;
        else if (one.kind === "echo" && "back" in one) {
          const ping = sent.at(-1 - one.back);
          live.heard(nowMs, 0);
          const echo = live.echoed(ping?.token ?? "n.0", nowMs);
          told(echo?.confirmed ?? null, ping?.reign === reign ? ping.below : known);
        } else if (one.kind === "hear") live.heard(nowMs, 0);
        else if (one.kind === "hold") live.hold();
        else if (one.kind === "release") live.release(nowMs);
        else if (one.kind === "probe") live.probe();
        else if (one.kind === "stuck") out.bufferedBytes = 1 - out.bufferedBytes;
        else {
          if (one.kind === "revive") live.revive(nowMs);
          live.forget();
          reign++;
          [mark, known] = [0, 0];
        }
        step();
      }
    }),
    { numRuns: 2_000 },
  );
});
