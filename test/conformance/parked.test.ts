/** Events put aside for a person, on every backend. */
import { expect, test } from "vitest";
import type { Backends } from "#common/backends/backends.ts";
import { limits } from "#common/contract/limits.ts";
import type { ParkedEvent } from "#common/ports/lane-log.ts";
import { onEveryBackend } from "./on-every-backend.ts";

const A = "00000000000000aa";
const event = `{"v":1,"kind":"chat","bot":"b","channel":"1001","text":"x"}`;

onEveryBackend((rig) => {
  async function parkedOn(lane: number, parked: readonly ParkedEvent[]): Promise<Backends> {
    const pod = await rig.pod();
    const [state] = (await pod.lanes.owners()).filter((one) => one.lane === lane);
    const taken = await pod.lanes.take(state as NonNullable<typeof state>, "w");
    const nothing = { position: null, seen: [], rows: [], counts: {} };
    await pod.lanes.commit({ lane, epoch: taken?.epoch ?? 0, number: 1, ...nothing, parked });
    return pod;
  }

  test("a parked event is listed without its text, and found with it", async () => {
    const { parked } = await parkedOn(1, [{ id: A, event, reason: "turn_failed" }]);
    const [first, ...others] = await parked.list(10);
    expect(others).toEqual([]);
    expect(first).toMatchObject({ lane: 1, id: A, reason: "turn_failed", bot: "b", channel: "1001" });
    expect(Math.abs((first?.atMs ?? 0) - Date.now())).toBeLessThan(60_000);
    expect(JSON.stringify(first)).not.toContain('"x"');
    const ref = { lane: 1, entry: first?.entry ?? "" };
    expect(await parked.find(ref)).toEqual({ id: A, event, reason: "turn_failed" });
    expect(await parked.find({ ...ref, lane: 0 })).toBeNull();
  });

  test("one that cannot be read is listed all the same, and the oldest come first", async () => {
    const unread = [1, 2, 3].map((i) => ({ id: `${i}-0`, event: "{", reason: "contract_unreadable" }));
    const { parked } = await parkedOn(0, unread);
    const found = await parked.list(2);
    expect(found.map(({ id, bot, channel }) => [id, bot, channel])).toEqual([
      ["1-0", "", ""],
      ["2-0", "", ""],
    ]);
  });

  test("a rerun appends the event to its lane once and forgets that it was parked", async () => {
    const { parked, lanes, balances } = await parkedOn(1, [{ id: A, event, reason: "turn_failed" }]);
    const [first] = await parked.list(1);
    const ref = { lane: 1, entry: first?.entry ?? "" };
    expect(await parked.rerun(ref, "again")).toBe(true);
    expect(await parked.rerun(ref, "again")).toBe(false);
    const entries = await lanes.read(new Map([[1, "0-0"]]), 0);
    expect(entries.map(({ events }) => events)).toEqual([["again"]]);
    expect((await balances.balances())[1]).toMatchObject({ appended: 1, entries: 1, parked: 0 });
  });

  test("a dropped event is gone, and its lane knows nothing of it", async () => {
    const { parked, balances } = await parkedOn(1, [{ id: A, event, reason: "turn_failed" }]);
    const [first] = await parked.list(1);
    const ref = { lane: 1, entry: first?.entry ?? "" };
    expect([await parked.drop(ref), await parked.drop(ref)]).toEqual([true, false]);
    expect((await balances.balances())[1]).toMatchObject({ appended: 0, entries: 0, parked: 0 });
  });

  test("a lane keeps the newest when there are too many", async () => {
    const many = Array.from({ length: limits.parkedPerLaneMax + 2 }, (_, i) => ({ id: A, event, reason: `r${i}` }));
    const { parked } = await parkedOn(0, many);
    const kept = await parked.list(limits.parkedPerLaneMax + 2);
    expect([kept.length, kept[0]?.reason]).toEqual([limits.parkedPerLaneMax, "r2"]);
  });
});
