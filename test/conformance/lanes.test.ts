import { describe, expect, test } from "vitest";
import type { EventId } from "#common/contract/ids.ts";
import type { LaneCommit, LaneReader, LaneState, Taken } from "#common/ports/lane-log.ts";
import { onEveryBackend } from "./on-every-backend.ts";

const A = "aaaaaaaaaaaaaaaa";
const B = "bbbbbbbbbbbbbb00";
const noCommit = { position: null, seen: [], rows: [], counts: {}, parked: [] };

async function stateOf(lanes: LaneReader, lane: number): Promise<LaneState> {
  return (await lanes.owners())[lane] as LaneState;
}

async function take(lanes: LaneReader, lane: number, by = "w.1"): Promise<Taken> {
  return (await lanes.take(await stateOf(lanes, lane), by)) as Taken;
}

function entriesOf(lanes: LaneReader, lane: number, after = "0-0") {
  return lanes.read(new Map([[lane, after]]), 0);
}

onEveryBackend((rig) => {
  describe("ownership", () => {
    test("a lane that nobody owned has no owner and begins at the beginning", async () => {
      const { lanes } = await rig.pod();
      expect(await lanes.owners()).toHaveLength(4);
      expect(await stateOf(lanes, 3)).toEqual({ lane: 3, epoch: 0, owner: null });
      expect(await take(lanes, 3)).toMatchObject({ position: "0-0", lastId: "0-0", clean: true, seen: [] });
      expect((await stateOf(lanes, 3)).owner).toBe("w.1");
    });

    test("of two that saw the same state one takes the lane", async () => {
      const [one, two] = [await rig.pod(), await rig.pod()];
      const state = await stateOf(one.lanes, 0);
      const takes = await Promise.all([one.lanes.take(state, "w.1"), two.lanes.take(state, "w.2")]);
      expect(takes.filter((taken) => taken !== null)).toHaveLength(1);
    });

    test("an epoch is higher than the one before and not below the time", async () => {
      const { lanes } = await rig.pod();
      const before = Date.now() - 1_000;
      const first = await take(lanes, 0);
      const second = await take(lanes, 0);
      expect(first.epoch).toBeGreaterThan(before);
      expect(second.epoch).toBeGreaterThan(first.epoch);
    });

    test("a take is clean after a release and not clean after a death", async () => {
      const { lanes } = await rig.pod();
      const { epoch } = await take(lanes, 0);
      expect((await take(lanes, 0, "w.2")).clean).toBe(false);
      await lanes.release(0, epoch);
      expect((await stateOf(lanes, 0)).owner).toBe("w.2");
      await lanes.release(0, (await stateOf(lanes, 0)).epoch);
      expect((await stateOf(lanes, 0)).owner).toBe(null);
      expect((await take(lanes, 0)).clean).toBe(true);
    });

    test("a take tells the newest entry that may have been in hand", async () => {
      const { appender, lanes } = await rig.pod();
      await appender.append({ lane: 0, by: "g.1", number: 1, events: ["a"] });
      await appender.append({ lane: 0, by: "g.1", number: 2, events: ["b"] });
      const [, newest] = await entriesOf(lanes, 0);
      expect((await take(lanes, 0)).lastId).toBe(newest?.id);
    });
  });

  describe("commit", () => {
    async function threeEntries() {
      const pod = await rig.pod();
      for (const number of [1, 2, 3]) await pod.appender.append({ lane: 0, by: "g.1", number, events: [`e${number}`] });
      const [one, two, three] = (await entriesOf(pod.lanes, 0)).map(({ id }) => id) as [string, string, string];
      const { epoch } = await take(pod.lanes, 0);
      const commit = (number: number, more: Partial<LaneCommit>) =>
        pod.lanes.commit({ ...noCommit, lane: 0, epoch, number, ...more });
      return { ...pod, one, two, three, epoch, commit };
    }

    test("the position trims what is up to it and nothing beyond", async () => {
      const { lanes, two, three, commit } = await threeEntries();
      await commit(1, { position: two });
      expect((await entriesOf(lanes, 0)).map(({ id }) => id)).toEqual([three]);
      expect(await take(lanes, 0, "w.2")).toMatchObject({ position: two, lastId: three });
    });

    test("when all is trimmed the newest entry is the position", async () => {
      const { lanes, three, commit } = await threeEntries();
      await commit(1, { position: three });
      expect(await take(lanes, 0, "w.2")).toMatchObject({ position: three, lastId: three });
    });

    test("a commit without position moves none and trims nothing", async () => {
      const { lanes, one, commit } = await threeEntries();
      await commit(1, { position: one });
      await commit(2, { seen: [A] });
      expect(await entriesOf(lanes, 0)).toHaveLength(2);
      expect((await take(lanes, 0, "w.2")).position).toBe(one);
    });

    test("entries after a trim come behind it", async () => {
      const { appender, lanes, three, commit } = await threeEntries();
      await commit(1, { position: three });
      await appender.append({ lane: 0, by: "g.1", number: 4, events: ["e4"] });
      expect((await entriesOf(lanes, 0, three)).map(({ events }) => events)).toEqual([["e4"]]);
    });

    test("seen ids reach the next owner as bytes, over commits", async () => {
      const { lanes, commit } = await threeEntries();
      await commit(1, { seen: [A, B] });
      await commit(2, { seen: ["00000000000000ff"] });
      const { seen } = await take(lanes, 0, "w.2");
      expect(Buffer.concat(seen).toString("hex")).toBe(`${A}${B}00000000000000ff`);
    });

    test("a repeat adds no rows, no seen ids and counts nothing twice", async () => {
      const { lanes, rows, balances, commit } = await threeEntries();
      const done = { seen: [A], rows: ["r1"], counts: { handled: 1 }, parked: [{ id: B, event: "e", reason: "x" }] };
      expect(await commit(1, done)).toBe("done");
      expect(await commit(1, done)).toBe("repeated");
      expect(await rows.backlog([0])).toBe(1);
      expect((await balances.balances())[0]).toMatchObject({ parked: 1, done: { handled: 1 } });
      expect(Buffer.concat((await take(lanes, 0, "w.2")).seen)).toHaveLength(8);
    });

    test("commit numbers begin anew with an epoch", async () => {
      const { lanes, commit } = await threeEntries();
      for (const number of [1, 2, 3]) await commit(number, { seen: [A] });
      const { epoch } = await take(lanes, 0, "w.2");
      expect(await lanes.commit({ ...noCommit, lane: 0, epoch, number: 1 })).toBe("done");
    });

    test("a commit behind one that is not there changes nothing: what was acknowledged was lost", async () => {
      const { rows, balances, commit } = await threeEntries();
      await commit(1, { seen: [A] });
      const beyond = commit(3, { seen: [B], rows: ["r"], counts: { handled: 3 } });
      await expect(beyond).rejects.toMatchObject({ code: "fenced" });
      expect(await rows.backlog([0])).toBe(0);
      expect((await balances.balances())[0]).toMatchObject({ appended: 3, done: { handled: 0 } });
    });

    test("a commit over an entry that is not there changes nothing: its append was lost, and comes again", async () => {
      const { lanes, rows, balances, three, commit } = await threeEntries();
      const lost = three.replace(/^\d+/, (ms) => `${Number(ms) + 1}`);
      const over = commit(1, { position: lost, seen: [A], rows: ["r"], counts: { handled: 4 } });
      await expect(over).rejects.toMatchObject({ code: "fenced" });
      expect(await entriesOf(lanes, 0)).toHaveLength(3);
      expect(await rows.backlog([0])).toBe(0);
      expect((await balances.balances())[0]).toMatchObject({ appended: 3, done: { handled: 0 } });
      expect((await take(lanes, 0, "w.2")).seen).toEqual([]);
    });

    test("after a take the former owner is fenced and changes nothing", async () => {
      const { lanes, rows, balances, three, commit } = await threeEntries();
      await take(lanes, 0, "w.2");
      const late = commit(1, { position: three, seen: [A], rows: ["r"], counts: { handled: 3 } });
      await expect(late).rejects.toMatchObject({ code: "fenced" });
      expect(await entriesOf(lanes, 0)).toHaveLength(3);
      expect(await rows.backlog([0])).toBe(0);
      expect((await balances.balances())[0]).toMatchObject({ appended: 3, done: { handled: 0 } });
      expect((await take(lanes, 0, "w.3")).seen).toEqual([]);
    });

    test("a released lane keeps its epoch's right to commit until somebody takes it", async () => {
      const { lanes, epoch, commit } = await threeEntries();
      await lanes.release(0, epoch);
      expect(await commit(1, { counts: { handled: 1 } })).toBe("done");
    });

    test("appended is what became of the events and what is in flight, of every kind", async () => {
      const { appender, balances, commit, one } = await threeEntries();
      await appender.append({ lane: 0, by: "g.1", number: 4, events: ["a", "b", "c", "d"] });
      const counts = { handled: 1, duplicate: 1, refused: 1, parked: 1, expired: 1 };
      await commit(1, { position: one, counts, parked: [{ id: A, event: "e", reason: "turn_failed" }] });
      const [balance] = await balances.balances();
      expect(balance).toMatchObject({ lane: 0, appended: 7, done: counts, entries: 3, parked: 1 });
      expect(balance?.oldestMs).toBeGreaterThanOrEqual(0);
      expect((await balances.balances())[1]).toMatchObject({ appended: 0, entries: 0, oldestMs: 0, parked: 0 });
    });

    test("parked events are kept up to their cap", async () => {
      const { balances, commit } = await threeEntries();
      const parked = Array.from({ length: 600 }, (_, i) => ({ id: A, event: `e${i}`, reason: "x" }));
      await commit(1, { parked });
      await commit(2, { parked });
      expect((await balances.balances())[0]?.parked).toBe(1_000);
    });
  });

  describe("attempts", () => {
    const tried =
      (lanes: LaneReader) =>
      (epoch: number, ...events: EventId[]) =>
        lanes.attempt(0, epoch, { events, below: 9 });

    test("tries are counted once per epoch, over owners, and a stale owner counts none", async () => {
      const { lanes } = await rig.pod();
      const attempt = tried(lanes);
      const { epoch } = await take(lanes, 0);
      expect(await attempt(epoch, A)).toEqual([1]);
      expect(await attempt(epoch, A)).toEqual([1]);
      const next = await take(lanes, 0, "w.2");
      expect(await attempt(epoch, A)).toBe(null);
      expect(await attempt(next.epoch, B, A)).toEqual([1, 2]);
    });

    test("none is counted of an event that has so many, and it is told all the same", async () => {
      const { lanes } = await rig.pod();
      const attempt = (epoch: number) => lanes.attempt(0, epoch, { events: [A, B], below: 1 });
      const first = await take(lanes, 0);
      await tried(lanes)(first.epoch, A);
      const { epoch } = await take(lanes, 0, "w.2");
      expect(await attempt(epoch)).toEqual([2, 1]);
      expect(await attempt(epoch)).toEqual([2, 1]);
      expect(await tried(lanes)(epoch, A, B)).toEqual([2, 1]);
      expect(await attempt(epoch)).toEqual([2, 1]);
      const last = await take(lanes, 0, "w.3");
      expect(await attempt(last.epoch)).toEqual([3, 2]);
    });

    test("what is seen or parked is tried from one again", async () => {
      const { lanes } = await rig.pod();
      const attempt = tried(lanes);
      const other = "0a0b0c0d0e0f0000";
      const first = await take(lanes, 0);
      await attempt(first.epoch, A, B, other);
      const { epoch } = await take(lanes, 0, "w.2");
      expect(await attempt(epoch, A, B, other)).toEqual([2, 2, 2]);
      const parked = [{ id: B, event: "e", reason: "x" }];
      await lanes.commit({ ...noCommit, lane: 0, epoch, number: 1, seen: [A], parked });
      const last = await take(lanes, 0, "w.3");
      expect(await attempt(last.epoch, A, B, other)).toEqual([1, 1, 3]);
    });
  });

  describe("read", () => {
    test("one read serves the lanes of a shard, each from its cursor", async () => {
      const { appender, lanes } = await rig.pod();
      for (const number of [1, 2]) {
        for (const lane of [0, 2]) await appender.append({ lane, by: "g.1", number, events: [`${lane}.${number}`] });
      }
      const [first] = await entriesOf(lanes, 0);
      const cursors = new Map([
        [0, first?.id ?? ""],
        [2, "0-0"],
      ]);
      const found = await lanes.read(cursors, 0);
      expect(found.filter(({ lane }) => lane === 0).map(({ events }) => events[0])).toEqual(["0.2"]);
      expect(found.filter(({ lane }) => lane === 2).map(({ events }) => events[0])).toEqual(["2.1", "2.2"]);
    });

    test("a read that waits is woken by an append", async () => {
      const { appender, lanes } = await rig.pod();
      await entriesOf(lanes, 0);
      const startMs = performance.now();
      const waiting = lanes.read(new Map([[0, "0-0"]]), 1_000);
      await appender.append({ lane: 0, by: "g.1", number: 1, events: ["a"] });
      expect(await waiting).toHaveLength(1);
      expect(performance.now() - startMs).toBeLessThan(700);
    });

    test("a read that waits in vain ends empty", async () => {
      const { lanes } = await rig.pod();
      expect(await lanes.read(new Map([[0, "0-0"]]), 30)).toEqual([]);
    });

    test("a waiting read holds back no append", async () => {
      const { appender, lanes } = await rig.pod();
      let over = false;
      const waiting = lanes.read(new Map([[0, "0-0"]]), 1_000).finally(() => {
        over = true;
      });
      await appender.append({ lane: 1, by: "g.1", number: 1, events: ["b"] });
      expect(over).toBe(false);
      await appender.append({ lane: 0, by: "g.1", number: 1, events: ["c"] });
      expect(await waiting).toHaveLength(1);
    });
  });
});
