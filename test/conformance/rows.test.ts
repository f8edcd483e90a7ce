import { expect, test } from "vitest";
import { limits } from "#common/contract/limits.ts";
import type { LaneReader, LaneState } from "#common/ports/lane-log.ts";
import { onEveryBackend } from "./on-every-backend.ts";

async function writer(lanes: LaneReader, lane: number) {
  const taken = await lanes.take((await lanes.owners())[lane] as LaneState, "w.1");
  let number = 0;
  return (rows: readonly string[]) =>
    lanes.commit({
      lane,
      epoch: taken?.epoch ?? 0,
      number: ++number,
      position: null,
      seen: [],
      rows,
      counts: {},
      parked: [],
    });
}

function numbered(from: number, count: number) {
  return Array.from({ length: count }, (_, i) => `row ${from + i}`);
}

onEveryBackend((rig) => {
  test("rows are read in the order of their commits, from the cursor on", async () => {
    const { lanes, rows } = await rig.pod();
    const write = await writer(lanes, 0);
    await write(["a", "b"]);
    await write(["c"]);
    const [first, second] = await rows.read(new Map([[0, "0-0"]]), 0);
    expect([first?.rows, second?.rows]).toEqual([["a", "b"], ["c"]]);
    const rest = await rows.read(new Map([[0, first?.id ?? ""]]), 0);
    expect(rest).toEqual([second]);
  });

  test("a read serves lanes of several shards", async () => {
    const { lanes, rows } = await rig.pod();
    for (const lane of [0, 1, 3]) await (await writer(lanes, lane))([`of ${lane}`]);
    const found = await rows.read(new Map([0, 1, 2, 3].map((lane) => [lane, "0-0"])), 0);
    expect(found.map(({ lane, rows: [row] }) => [lane, row]).sort()).toEqual([
      [0, "of 0"],
      [1, "of 1"],
      [3, "of 3"],
    ]);
  });

  test("commits of few rows and of many are read whole, in order, in bounded batches", async () => {
    const { lanes, rows } = await rig.pod();
    const write = await writer(lanes, 0);
    for (let from = 0; from < 300; from++) await write(numbered(from, 1));
    for (let from = 300; from < 5_300; from += 500) await write(numbered(from, 500));
    const all: string[] = [];
    let cursor = "0-0";
    for (;;) {
      const found = await rows.read(new Map([[0, cursor]]), 0);
      const some = found.flatMap((entry) => entry.rows);
      if (some.length === 0) break;
      expect(some.length).toBeLessThanOrEqual(limits.rowsPerTransactionMax);
      all.push(...some);
      cursor = found.at(-1)?.id ?? "";
    }
    expect(all).toEqual(numbered(0, 5_300));
  });

  test("a trim drops what is up to the id and nothing beyond", async () => {
    const { lanes, rows } = await rig.pod();
    const write = await writer(lanes, 0);
    for (const row of ["a", "b", "c"]) await write([row]);
    const [, second, third] = await rows.read(new Map([[0, "0-0"]]), 0);
    await rows.trim(0, second?.id ?? "");
    expect(await rows.read(new Map([[0, "0-0"]]), 0)).toEqual([third]);
    expect(await rows.backlog([0, 1])).toBe(1);
  });

  test("a read that waits finds what is committed meanwhile", async () => {
    const { lanes, rows } = await rig.pod();
    const write = await writer(lanes, 0);
    const waiting = rows.read(new Map([[0, "0-0"]]), 300);
    await write(["a"]);
    expect((await waiting).flatMap((entry) => entry.rows)).toEqual(["a"]);
  });

  test("a read of no lanes is empty", async () => {
    const { rows } = await rig.pod();
    expect(await rows.read(new Map(), 0)).toEqual([]);
  });
});
