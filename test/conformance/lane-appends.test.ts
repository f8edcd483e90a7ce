import { describe, expect, test } from "vitest";
import type { LaneReader, LaneState, Taken } from "#common/ports/lane-log.ts";
import { laneBacklogMax, onEveryBackend } from "./on-every-backend.ts";

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
  describe("append", () => {
    test("entries are read in the order they were appended, events of one together", async () => {
      const { appender, lanes } = await rig.pod();
      await appender.append({ lane: 1, by: "g.1", number: 1, events: ["a", "b"] });
      await appender.append({ lane: 1, by: "g.2", number: 1, events: ["c"] });
      const found = await entriesOf(lanes, 1);
      expect(found.map((entry) => entry.events)).toEqual([["a", "b"], ["c"]]);
    });

    test("an entry says when it was logged", async () => {
      const { appender, lanes } = await rig.pod();
      await appender.append({ lane: 0, by: "g.1", number: 1, events: ["a"] });
      const [entry] = await entriesOf(lanes, 0);
      expect(Math.abs((entry?.loggedAtMs ?? 0) - Date.now())).toBeLessThan(2_000);
    });

    test("a repeat of a number already made adds nothing", async () => {
      const { appender, lanes } = await rig.pod();
      const append = { lane: 0, by: "g.1", number: 1, events: ["a"] };
      expect(await appender.append(append)).toMatchObject({ outcome: "appended" });
      expect(await appender.append(append)).toMatchObject({ outcome: "repeated" });
      expect(await appender.append({ ...append, number: 2 })).toMatchObject({ outcome: "appended" });
      expect(await appender.append(append)).toMatchObject({ outcome: "repeated" });
      expect(await entriesOf(lanes, 0)).toHaveLength(2);
    });

    test("numbers are counted per lane and per incarnation", async () => {
      const { appender } = await rig.pod();
      expect(await appender.append({ lane: 0, by: "g.1", number: 1, events: ["a"] })).toMatchObject({
        outcome: "appended",
      });
      expect(await appender.append({ lane: 2, by: "g.1", number: 1, events: ["a"] })).toMatchObject({
        outcome: "appended",
      });
      expect(await appender.append({ lane: 0, by: "g.2", number: 1, events: ["a"] })).toMatchObject({
        outcome: "appended",
      });
    });

    test("an append behind one that is not there adds nothing and says so, whoever made that one", async () => {
      const { appender, lanes } = await rig.pod();
      const first = { lane: 0, by: "g.1", number: 4, events: ["a"] };
      const next = { lane: 0, by: "g.2", number: 5, events: ["b"], after: first };
      expect(await appender.append(next)).toMatchObject({ outcome: "lost" });
      expect(await appender.append(first)).toMatchObject({ outcome: "appended" });
      expect(await appender.append({ ...next, after: { by: "g.1", number: 5 } })).toMatchObject({ outcome: "lost" });
      expect(await appender.append(next)).toMatchObject({ outcome: "appended" });
      expect(await appender.append(next)).toMatchObject({ outcome: "repeated" });
      expect((await entriesOf(lanes, 0)).map(({ events }) => events)).toEqual([["a"], ["b"]]);
    });

    test("an append that is not wanted any more when it leaves adds nothing, and its neighbours are made", async () => {
      const { appender, lanes } = await rig.pod();
      const append = (lane: number, wanted: boolean) =>
        appender.append({ lane, by: "g.1", number: 1, events: ["a"], isWanted: () => wanted });
      const [one, two] = await Promise.allSettled([append(2, false), append(0, true)]);
      expect(two.status).toBe("fulfilled");
      expect(one).toMatchObject({ reason: { code: "deadline_passed" } });
      expect(await entriesOf(lanes, 2)).toEqual([]);
      expect(await append(2, true)).toMatchObject({ outcome: "appended" });
    });

    test("a full lane refuses, changes nothing, and takes again what it refused when there is room", async () => {
      const { appender, lanes, balances } = await rig.pod();
      const many = Array.from({ length: laneBacklogMax }, () => "x");
      await appender.append({ lane: 0, by: "g.1", number: 1, events: many });
      const next = { lane: 0, by: "g.1", number: 2, events: ["y"] };
      await expect(appender.append(next)).rejects.toMatchObject({ code: "lane_full" });
      expect((await balances.balances())[0]).toMatchObject({ appended: laneBacklogMax, entries: 1 });
      const { epoch } = await take(lanes, 0);
      await lanes.commit({ ...noCommit, lane: 0, epoch, number: 1, counts: { handled: 1 } });
      expect(await appender.append(next)).toMatchObject({ outcome: "appended" });
    });

    test("a repeat into a full lane is known as a repeat", async () => {
      const { appender } = await rig.pod();
      const append = { lane: 0, by: "g.1", number: 1, events: Array.from({ length: laneBacklogMax }, () => "x") };
      await appender.append(append);
      expect(await appender.append(append)).toMatchObject({ outcome: "repeated" });
    });
  });
});
