import type { Mysql } from "#common/backends/mysql/mysql.ts";
import type { LaneMark } from "#common/ports/lane-log.ts";
import type { Schema } from "./schema.ts";

/** How far MySQL knows each lane. @throws MoaError mysql_unavailable */
export async function laneMarks(mysql: Mysql<Schema>): Promise<readonly LaneMark[]> {
  const { db } = mysql;
  const epochs = await mysql.run(() => db.selectFrom("moa_lanes").select(["lane", "epoch"]).execute());
  const rows = await mysql.run(() => db.selectFrom("moa_lane_position").select(["lane", "position"]).execute());
  const marks = new Map<number, LaneMark>(epochs.map(({ lane, epoch }) => [lane, { lane, epoch, row: "0-0" }]));
  for (const { lane, position } of rows) marks.set(lane, { lane, epoch: marks.get(lane)?.epoch ?? 0, row: position });
  return [...marks.values()];
}
