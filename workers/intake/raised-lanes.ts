/**
 * Before a worker takes lanes, at its start and after a loss of Redis: what Redis numbers goes on above what MySQL knows.
 * Only a Redis that lost its newest entries, on a clock that is behind the former one's, would number lower. Then MySQL
 * would refuse every change as a former owner's, and take every row for one that it has (docs/backup.md).
 */
import { laneCount, type Topology } from "#common/contract/lanes.ts";
import type { Log } from "#common/observe/logger.ts";
import type { LaneMark, LaneReader } from "#common/ports/lane-log.ts";

export interface RaisedLanesOptions {
  readonly topology: Topology;
  readonly lanes: Pick<LaneReader, "raise">;
  readonly log: Log;
  marks(): Promise<readonly LaneMark[]>;
}

export async function raiseLanes({ topology, lanes, log, marks }: RaisedLanesOptions): Promise<void> {
  // A deployment that had more lanes left the marks of those behind.
  const known = (await marks()).filter(({ lane }) => lane < laneCount(topology));
  const raised = await Promise.all(known.map((mark) => lanes.raise(mark)));
  const behind = known.filter((_, i) => raised[i]).map(({ lane }) => lane);
  if (behind.length > 0) log.warn({ tag: "SERVER", lanes: behind }, "Redis was behind MySQL: lanes raised");
}
