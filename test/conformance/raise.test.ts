/** What a store that lost its data, on a clock that is behind, is told of what it numbered before. */
import { expect, test } from "vitest";
import type { LaneReader, LaneState, Taken } from "#common/ports/lane-log.ts";
import { onEveryBackend } from "./on-every-backend.ts";

const noCommit = { position: null, seen: [], rows: [], counts: {}, parked: [] };

async function take(lanes: LaneReader, lane: number, by: string): Promise<Taken> {
  return (await lanes.take((await lanes.owners())[lane] as LaneState, by)) as Taken;
}

onEveryBackend((rig) => {
  test("what is numbered afterwards is above what was known elsewhere, and who owned the lane is fenced", async () => {
    const { lanes, rows } = await rig.pod();
    const ahead = Date.now() + 3_600_000;
    const { epoch } = await take(lanes, 0, "w.1");
    await lanes.commit({ ...noCommit, lane: 0, epoch, number: 1, rows: ["old"] });
    const mark = { lane: 0, epoch: ahead, row: `${ahead}-3` };
    expect([await lanes.raise(mark), await lanes.raise(mark)]).toEqual([true, false]);
    await expect(lanes.commit({ ...noCommit, lane: 0, epoch, number: 2 })).rejects.toThrow("fenced");
    // The store has forgotten which of its commits were made.
    await expect(lanes.commit({ ...noCommit, lane: 0, epoch: ahead, number: 2 })).rejects.toThrow("fenced");
    const next = await take(lanes, 0, "w.2");
    expect(next.epoch).toBeGreaterThan(ahead);
    await lanes.commit({ ...noCommit, lane: 0, epoch: next.epoch, number: 1, rows: ["new"] });
    expect((await rows.read(new Map([[0, mark.row]]), 0)).flatMap((entry) => entry.rows)).toEqual(["new"]);
    expect((await rows.read(new Map([[0, "0-0"]]), 0)).flatMap((entry) => entry.rows)).toEqual(["old", "new"]);
  });

  test("what is known already changes nothing", async () => {
    const { lanes, rows } = await rig.pod();
    const { epoch } = await take(lanes, 0, "w.1");
    await lanes.commit({ ...noCommit, lane: 0, epoch, number: 1, rows: ["a"] });
    const [entry] = await rows.read(new Map([[0, "0-0"]]), 0);
    expect(await lanes.raise({ lane: 0, epoch, row: entry?.id ?? "" })).toBe(false);
    expect(await lanes.raise({ lane: 1, epoch: 0, row: "0-0" })).toBe(false);
    expect(await lanes.commit({ ...noCommit, lane: 0, epoch, number: 2 })).toBe("done");
  });
});
