import { expect, test } from "vitest";
import { limits } from "#common/contract/limits.ts";
import { pause } from "#common/kernel/clock.ts";
import { createLogger } from "#common/observe/logger.ts";
import { createMetrics } from "#common/observe/metrics.ts";
import { FakeClock } from "#test/fixtures/fake-clock.ts";
import { Drain } from "./drain.ts";

/** A pod of so many bots, a connection each; those whose number is below `stoodBy` have a standby elsewhere. */
function podOf(bots: number, { stoodBy = 0, handOverMs = 5, away = false } = {}) {
  const clock = new FakeClock();
  const startedMs = clock.monotonicMs();
  const done: { what: string; atMs: number }[] = [];
  const given = new Map<string, Promise<void>>();
  const note = (what: string) => void done.push({ what, atMs: clock.monotonicMs() - startedMs });
  const connections = Array.from({ length: bots }, (_, i) => ({
    id: `c${i}`,
    identity: { bot: `${i}` },
    farewell: () => {
      open.delete(`c${i}`);
      note(`close ${i}`);
    },
    close: () => {},
  }));
  const open = new Map(connections.map((one) => [one.id, one]));
  const candidate = (bot: string, member: string, connection: string) => ({
    bot,
    member,
    connection,
    device: "",
    since: 0,
  });
  const nobody = { holder: null, paused: false, waiting: 0, held: 0, former: null };
  const drain = new Drain({
    clock,
    metrics: createMetrics(false).metrics,
    log: createLogger("test", "silent"),
    writers: {
      look: async (bot) => {
        const own = candidate(bot, "a.1", `c${bot}`);
        const others = Number(bot) < stoodBy ? [candidate(bot, "b.1", "x")] : [candidate(bot, "dead.1", "y")];
        return { ...nobody, candidates: [own, ...others] };
      },
    },
    membership: {
      live: async () => {
        if (away) throw new Error("away");
        return ["a.1", "b.1"];
      },
    },
    connections: () => open.values(),
    bots: () => connections.map((one) => one.identity.bot),
    handOver: (bot) => {
      const under =
        given.get(bot) ?? pause(clock, Number(bot) < stoodBy ? handOverMs : 5).then(() => note(`give ${bot}`));
      given.set(bot, under);
      return under;
    },
  });
  return { clock, drain, done };
}

test("bots with a living standby elsewhere are handed over before any socket ends", async () => {
  const { clock, drain, done } = podOf(4, { stoodBy: 2 });
  const run = drain.run();
  await clock.advance(1_000);
  await run;
  expect(done.map(({ what }) => what).slice(0, 2)).toEqual(["give 0", "give 1"]);
  expect(done.findIndex(({ what }) => what === "close 2")).toBeGreaterThan(
    done.findIndex(({ what }) => what === "give 2"),
  );
  expect(done).toHaveLength(8);
});

test("a pod with few connections drains at once", async () => {
  const { clock, drain, done } = podOf(limits.drainPerSecondMax);
  const run = drain.run();
  await clock.advance(1_000);
  await run;
  expect(Math.max(...done.map(({ atMs }) => atMs))).toBeLessThan(100);
});

test("5,000 phones leave spread over the pace, the last of them within the deadline", async () => {
  const { clock, drain, done } = podOf(5_000);
  const run = drain.run();
  await clock.advance(limits.drainMsMax);
  await run;
  const closes = done.filter(({ what }) => what.startsWith("close"));
  expect(closes).toHaveLength(5_000);
  const inWindow = (from: number) => closes.filter(({ atMs }) => atMs >= from && atMs < from + 1_000).length;
  expect(inWindow(5_000)).toBeLessThan(limits.drainPerSecondMax * 1.5);
  expect(Math.max(...closes.map(({ atMs }) => atMs))).toBeGreaterThan(10_000);
});

test("a bot that is long in being handed over holds up no other", async () => {
  const { clock, drain, done } = podOf(3, { stoodBy: 1, handOverMs: 10_000 });
  const run = drain.run();
  await clock.advance(11_000);
  await run;
  const atOf = (what: string) => done.find((one) => one.what === what)?.atMs ?? Number.NaN;
  expect(Math.max(atOf("close 1"), atOf("close 2"))).toBeLessThan(2_000);
  expect(atOf("close 0")).toBeGreaterThanOrEqual(10_000);
});

test("a hand-over that never ends is left at the deadline", async () => {
  const { clock, drain } = podOf(1, { stoodBy: 1, handOverMs: 10 * limits.drainMsMax });
  let ended = false;
  void drain.run().then(() => {
    ended = true;
  });
  await clock.advance(limits.drainMsMax);
  expect(ended).toBe(true);
});

test("a Redis that is away costs the head start of those that are stood by, and no socket's end", async () => {
  const { clock, drain, done } = podOf(3, { stoodBy: 3, away: true });
  const run = drain.run();
  await clock.advance(1_000);
  await run;
  expect(done.filter(({ what }) => what.startsWith("close"))).toHaveLength(3);
});
