/** Whether what was said before a moment is in MySQL: handled by its lane's owner, and its rows copied by the row writer. */
import { parseEntryId } from "#common/contract/entry-id.ts";
import { limits } from "#common/contract/limits.ts";
import { type Clock, pause } from "#common/kernel/clock.ts";
import { MoaError } from "#common/kernel/errors.ts";
import type { LaneBalances } from "#common/ports/lane-log.ts";
import type { RowLog } from "#common/ports/row-log.ts";
import type { ChatLogStore } from "#workers/domain/stores.ts";

export interface InFlight {
  readonly balances: LaneBalances;
  readonly rows: Pick<RowLog, "backlog">;
  readonly chatLog: Pick<ChatLogStore, "positions">;
  readonly clock: Clock;
}

const LOOK_EVERY_MS = 500;
const WAIT_MS_MAX = 60_000;

/**
 * Waits until all that was appended before now is on record. Entries are numbered by Redis' clock, so a busy lane is
 * waited for by as much longer as that may be ahead of ours.
 * @throws MoaError deadline_passed: lanes or rows stand still; redis_unavailable, mysql_unavailable
 */
export async function untilOnRecord(inFlight: InFlight, signal: AbortSignal): Promise<void> {
  const { clock } = inFlight;
  const saidMs = clock.nowMs() + limits.clockSkewMsMax;
  const untilMs = clock.monotonicMs() + WAIT_MS_MAX;
  while (!(await isOnRecord(inFlight, saidMs))) {
    if (signal.aborted || clock.monotonicMs() > untilMs) {
      throw new MoaError("deadline_passed", "lines said before are not on record yet: do workers and MySQL keep up?");
    }
    await pause(clock, LOOK_EVERY_MS, signal);
  }
}

/** Lanes before rows: what a lane commits becomes rows. */
async function isOnRecord({ balances, rows, chatLog, clock }: InFlight, saidMs: number): Promise<boolean> {
  const lanes = await balances.balances();
  const oldestMs = (entry: { oldestMs: number }) => clock.nowMs() - entry.oldestMs;
  if (lanes.some((lane) => lane.entries > 0 && oldestMs(lane) < saidMs)) return false;
  const positions = await chatLog.positions(lanes.map(({ lane }) => lane));
  for (const [lane, position] of positions) {
    if (parseEntryId(position).ms < saidMs && (await rows.backlog([lane])) > 0) return false;
  }
  return true;
}
