/** Who writes for a bot: tenures, and what a reign leaves in doubt, on every backend. */
import { describe, expect, test } from "vitest";
import type { Backends } from "#common/backends/backends.ts";
import { limits } from "#common/contract/limits.ts";
import { eventually, onEveryBackend } from "./on-every-backend.ts";
import { candidate, ending, granted, listening, UNSEEN } from "./writer-steps.ts";

const A = candidate("c.1", "g.1");
const B = candidate("c.2", "g.2");
let events = 0;

/** Puts actions into the bot's outbox. */
async function enqueue({ outboxWriter }: Backends, count: number): Promise<void> {
  const event = (++events).toString(16).padStart(16, "0");
  const actions = Array.from({ length: count }, (_, i) => `${event}:${i}`);
  await outboxWriter.enqueue([{ bot: "bot", lane: 0, epoch: 1, event, deadline: Date.now() + 60_000, actions }]);
}

onEveryBackend((rig) => {
  describe("take", () => {
    test("of many that take a vacant place at once one wins, and the others are told who", async () => {
      const pods = await Promise.all(Array.from({ length: 4 }, () => rig.pod()));
      const answers = await Promise.all(
        Array.from({ length: 40 }, (_, i) =>
          (pods[i % 4] as Backends).writers.take(candidate(`c.${i}`, `g.${i % 4}`), null, UNSEEN),
        ),
      );
      const [won, ...others] = answers.filter((answer) => "epoch" in answer);
      expect(others).toEqual([]);
      const { epoch, id, member, connection } = won as Extract<typeof won, { epoch: number }>;
      const holder = { epoch, id, member, connection };
      expect(answers.filter((answer) => answer !== won)).toEqual(Array.from({ length: 39 }, () => ({ holder })));
      expect((await (pods[0] as Backends).writers.look("bot")).holder).toMatchObject(holder);
    });

    test("of many that take over one tenure at once one wins", async () => {
      const { writers } = await rig.pod();
      const over = await granted(writers, A);
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, i) => writers.take(candidate(`c-${i}`, "g.2"), over, UNSEEN)),
      );
      expect(answers.filter((answer) => "epoch" in answer)).toHaveLength(1);
    });

    test("over a tenure needs that very one: another epoch or another id is refused, and nobody is told", async () => {
      const { pod, told } = await listening(rig);
      const { writers } = pod;
      const former = await granted(writers, A);
      const present = await granted(writers, B, { over: former });
      const C = candidate("c.3", "g.3");
      const { epoch, id, member, connection } = present;
      for (const over of [null, former, { epoch, id: former.id }, { epoch: former.epoch, id }]) {
        expect(await writers.take(C, over, UNSEEN)).toEqual({ holder: { epoch, id, member, connection } });
      }
      const last = await granted(writers, C, { over: present });
      const taken = [former, present, last].map((one) => ({
        kind: "taken",
        epoch: one.epoch,
        connection: one.connection,
      }));
      await eventually(() => expect(told).toEqual(taken));
    });

    test("the connection that holds is told its tenure again: its first answer was lost", async () => {
      const { pod, told } = await listening(rig);
      await enqueue(pod, 3);
      const over = { ...(await granted(pod.writers, A)), end: ending(2) };
      const taken = await granted(pod.writers, B, { over });
      expect(await pod.writers.take(B, over, UNSEEN)).toEqual(taken);
      expect(await pod.writers.take(B, null, { epoch: taken.epoch, lost: false })).toEqual(taken);
      await pod.writers.ask("bot", { kind: "paused", paused: false });
      await eventually(() => expect(told.map(({ kind }) => kind)).toEqual(["taken", "taken", "asked"]));
    });

    test("the same connection under another incarnation of its pod is another candidate", async () => {
      const { writers } = await rig.pod();
      const former = await granted(writers, A);
      const reborn = candidate("c.1", "g.1b");
      expect(await writers.take(reborn, null, UNSEEN)).toMatchObject({ holder: { member: "g.1" } });
      expect((await granted(writers, reborn, { over: former })).epoch).toBeGreaterThan(former.epoch);
    });

    test("epochs only rise: above the last, the time, and what the caller saw of a store that has lost its data", async () => {
      const { writers } = await rig.pod();
      const first = await granted(writers, A);
      expect(first.epoch).toBeGreaterThan(Date.now() - 1_000);
      expect(first.epoch).toBeLessThan(Date.now() + 1_000);
      const second = await granted(writers, B, { over: first });
      expect(second.epoch).toBeGreaterThan(first.epoch);
      const ahead = Date.now() + 3_600_000;
      const third = await granted(writers, A, { over: second, atLeast: ahead });
      expect(third.epoch).toBe(ahead + 1);
      await writers.end("bot", third, ending(1));
      const fourth = await granted(writers, B);
      expect(fourth.epoch).toBe(ahead + 2);
      expect(new Set([first, second, third, fourth].map(({ id }) => id)).size).toBe(4);
    });

    test("after a loss it gives the outbox a fresh generation: what waits keeps its sequences, old confirmations fit no more", async () => {
      const pod = await rig.pod();
      const { writers, outboxReader } = pod;
      await enqueue(pod, 3);
      const before = await granted(writers, A);
      // Where another holds it changes nothing.
      expect(await writers.take(B, null, { epoch: 0, lost: true })).toHaveProperty("holder");
      expect(await writers.take(A, null, UNSEEN)).toEqual(before);
      const over = { ...before, end: ending(2) };
      const after = await granted(writers, B, { over, lost: true });
      expect(after).toMatchObject({ first: 1, next: 4, doubtBelow: 2 });
      expect(after.generation).not.toBe(before.generation);
      const { epoch, id } = after;
      const confirm = (generation: string) => outboxReader.confirm([{ bot: "bot", epoch, id, generation, upTo: 1 }]);
      expect(await confirm(before.generation)).toEqual([false]);
      const { generation, actions } = await outboxReader.read("bot", 1);
      expect([generation, actions.length]).toEqual([after.generation, 3]);
      expect(await confirm(after.generation)).toEqual([true]);
      await enqueue(pod, 1);
      expect(await granted(writers, A, { over: after })).toMatchObject({ generation, first: 2, next: 5 });
    });

    test("it opens the outbox's generation, or finds it with what waits there", async () => {
      const pod = await rig.pod();
      const empty = await granted(pod.writers, A);
      expect(empty).toMatchObject({ first: 1, next: 1, doubtBelow: 1, former: null, paused: false });
      expect(empty.generation).not.toBe("");
      await enqueue(pod, 2);
      const { generation } = await pod.outboxReader.read("bot", 1);
      expect(generation).toBe(empty.generation);
      expect(await granted(pod.writers, B, { over: empty })).toMatchObject({ generation, first: 1, next: 3 });
    });
  });

  describe("end", () => {
    test("the place is vacant then, all are told, and the next one learns how it ended", async () => {
      const { pod, told } = await listening(rig);
      const { writers } = pod;
      const { epoch, id } = await granted(writers, A);
      expect(await writers.end("bot", { epoch, id }, ending(1))).toBe(true);
      const former = { ...ending(1), epoch };
      expect(await writers.look("bot")).toMatchObject({ holder: null, former });
      expect((await pod.outboxReader.read("bot", 1)).epoch).toBe(0);
      const next = await granted(writers, B);
      expect(next.former).toEqual(former);
      const expected = [
        { kind: "taken", epoch, connection: "c.1" },
        { kind: "vacant", epoch },
        { kind: "taken", epoch: next.epoch, connection: "c.2" },
      ];
      await eventually(() => expect(told).toEqual(expected));
    });

    test("again it is still so, and told once", async () => {
      const { pod, told } = await listening(rig);
      const taken = await granted(pod.writers, A);
      for (let i = 0; i < 2; i++) expect(await pod.writers.end("bot", taken, ending(1))).toBe(true);
      await pod.writers.ask("bot", { kind: "paused", paused: false });
      await eventually(() => expect(told.map(({ kind }) => kind)).toEqual(["taken", "vacant", "asked"]));
    });

    test("of a reign that is over, by epoch or by id, it changes nothing and is told nobody", async () => {
      const { pod, told } = await listening(rig);
      const { writers } = pod;
      await enqueue(pod, 9);
      const former = await granted(writers, A);
      const present = await granted(writers, B, { over: { ...former, end: ending(1) } });
      const { epoch, id } = present;
      for (const stale of [former, { epoch, id: former.id }, { epoch: former.epoch, id }]) {
        expect(await writers.end("bot", stale, ending(9))).toBe(false);
      }
      expect((await writers.look("bot")).holder).toMatchObject({ epoch, id });
      await writers.end("bot", present, ending(1));
      expect(await granted(writers, A)).toMatchObject({ doubtBelow: 1 });
      await eventually(() => expect(told.filter(({ kind }) => kind === "vacant")).toEqual([{ kind: "vacant", epoch }]));
    });

    test("of a bot that nobody knows it is refused", async () => {
      const { writers } = await rig.pod();
      expect(await writers.end("bot", { epoch: 1, id: "a" }, ending(1))).toBe(false);
    });
  });

  describe("doubt", () => {
    const window = limits.unconfirmedActionsMax;

    test("over a silent pod it is the whole window, and no more than there is", async () => {
      const pod = await rig.pod();
      await enqueue(pod, 3);
      const first = await granted(pod.writers, A);
      expect(first).toMatchObject({ first: 1, next: 4, doubtBelow: 1 });
      const second = await granted(pod.writers, B, { over: first });
      expect(second).toMatchObject({ first: 1, next: 4, doubtBelow: 4, former: null });
      await pod.outboxReader.confirm([{ ...second, bot: "bot", upTo: 2 }]);
      await enqueue(pod, window + 5);
      const third = await granted(pod.writers, A, { over: second });
      expect(third).toMatchObject({ first: 3, next: window + 9, doubtBelow: 3 + window });
    });

    test("what comes after a take over a silent pod is in no doubt, though the window was not full", async () => {
      const pod = await rig.pod();
      await enqueue(pod, 1);
      const first = await granted(pod.writers, A);
      const second = await granted(pod.writers, B, { over: first });
      await enqueue(pod, 5);
      const third = await granted(pod.writers, A, { over: { ...second, end: ending(1) } });
      expect(third).toMatchObject({ next: 7, doubtBelow: 2 });
    });

    test("where the holder said its end, it is what the holder said, within what there is", async () => {
      const pod = await rig.pod();
      await enqueue(pod, 9);
      const first = await granted(pod.writers, A);
      const second = await granted(pod.writers, B, { over: { ...first, end: ending(5) } });
      expect(second).toMatchObject({ doubtBelow: 5, former: { ...ending(5), epoch: first.epoch } });
      await pod.outboxReader.confirm([{ ...second, bot: "bot", upTo: 6 }]);
      const third = await granted(pod.writers, A, { over: { ...second, end: ending(7) } });
      expect(third).toMatchObject({ first: 7, doubtBelow: 7 });
      const last = await granted(pod.writers, B, { over: { ...third, end: ending(99) } });
      expect(last).toMatchObject({ doubtBelow: 10 });
    });

    test("of a vacant place it is what the last end left", async () => {
      const pod = await rig.pod();
      await enqueue(pod, 9);
      const first = await granted(pod.writers, A);
      await pod.writers.end("bot", first, ending(5));
      await enqueue(pod, 9);
      expect(await granted(pod.writers, B)).toMatchObject({ first: 1, next: 19, doubtBelow: 5 });
    });

    test("an end that claims more than there is leaves what comes later in no doubt", async () => {
      const pod = await rig.pod();
      await enqueue(pod, 2);
      await pod.writers.end("bot", await granted(pod.writers, A), ending(99));
      await enqueue(pod, 9);
      expect(await granted(pod.writers, B)).toMatchObject({ doubtBelow: 3 });
    });

    test("it lasts until it is confirmed past, over reigns that wrote nothing", async () => {
      const pod = await rig.pod();
      await enqueue(pod, 9);
      await pod.writers.end("bot", await granted(pod.writers, A), ending(5));
      await pod.writers.end("bot", await granted(pod.writers, B), ending(1));
      const third = await granted(pod.writers, A);
      expect(third).toMatchObject({ first: 1, doubtBelow: 5 });
      await pod.outboxReader.confirm([{ ...third, bot: "bot", upTo: 2 }]);
      const fourth = await granted(pod.writers, B, { over: { ...third, end: ending(3) } });
      expect(fourth).toMatchObject({ first: 3, doubtBelow: 5 });
      await pod.outboxReader.confirm([{ ...fourth, bot: "bot", upTo: 4 }]);
      await pod.writers.end("bot", fourth, ending(5));
      expect(await granted(pod.writers, A)).toMatchObject({ first: 5, doubtBelow: 5 });
    });
  });

  describe("look and ask", () => {
    test("all that is known of a bot is seen at once", async () => {
      const pod = await rig.pod();
      const nothing = { holder: null, candidates: [], paused: false, waiting: 0, held: 0, former: null };
      expect(await pod.writers.look("bot")).toEqual(nothing);
      await enqueue(pod, 3);
      await pod.writers.enrol(A);
      const { epoch, id, generation } = await granted(pod.writers, A);
      await pod.outboxReader.confirm([{ bot: "bot", epoch, id, generation, upTo: 1 }]);
      await pod.held.hold({ bot: "bot", id: "a:0", heldAt: 1_000, action: "x" });
      const { holder, ...others } = await pod.writers.look("bot");
      expect({ ...others, holder: null }).toEqual({ ...nothing, candidates: [A], waiting: 2, held: 1 });
      const { takenAt, ...who } = holder as NonNullable<typeof holder>;
      expect(who).toEqual({ epoch, id, member: "g.1", connection: "c.1", device: A.device });
      expect(Math.abs(takenAt - Date.now())).toBeLessThan(60_000);
    });

    test("a pause is told and kept for those who take later, until it is taken back", async () => {
      const { pod, told } = await listening(rig);
      const { writers } = pod;
      await writers.ask("bot", { kind: "paused", paused: true });
      const first = await granted(writers, A);
      expect(first.paused).toBe(true);
      expect(await pod.outboxReader.heads(["bot"])).toMatchObject([{ paused: true }]);
      const second = await granted(writers, B, { over: first });
      expect([second.paused, (await writers.look("bot")).paused]).toEqual([true, true]);
      await writers.ask("bot", { kind: "paused", paused: false });
      expect((await writers.look("bot")).paused).toBe(false);
      const request = (paused: boolean) => ({ kind: "asked", request: { kind: "paused", paused } });
      await eventually(() =>
        expect(told.filter(({ kind }) => kind === "asked")).toEqual([request(true), request(false)]),
      );
    });

    test("a failover that is asked for is told and changes nothing", async () => {
      const { pod, told } = await listening(rig);
      const { epoch } = await granted(pod.writers, A);
      const requests = [
        { kind: "failover", epoch, to: "c.2" },
        { kind: "failover", epoch, to: null },
      ] as const;
      for (const request of requests) await pod.writers.ask("bot", request);
      await eventually(() => expect(told.slice(1)).toEqual(requests.map((request) => ({ kind: "asked", request }))));
      expect(await pod.writers.look("bot")).toMatchObject({ holder: { epoch }, paused: false });
    });
  });
});
