/**
 * Lets go of rows that are past their days (docs/backup.md has the table). Batch by batch with a pause after each, for a
 * few minutes; the next run goes on with what is left.
 */
import { type Clock, pause } from "#common/kernel/clock.ts";
import type { Log } from "#common/observe/logger.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import type { JobHandler } from "#common/ports/job-queue.ts";
import type { DeletedBatch } from "#workers/domain/stores.ts";

/** The tables of which rows are dropped. */
export type AgingTable = Parameters<Metrics["rowsDropped"]["inc"]>[1]["table"];

export interface RetentionOptions {
  /** Each step drops one batch. Asking for no more stops it. */
  outdated(): AsyncIterable<DeletedBatch<AgingTable>>;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** Below the queue's runMsMax: a run that ends by itself is no failed one. */
const RUN_MS_MAX = 240_000;
const PAUSE_MS = 100;

export function retention({ outdated, clock, log, metrics }: RetentionOptions): JobHandler {
  return async (signal) => {
    const untilMs = clock.monotonicMs() + RUN_MS_MAX;
    const dropped: Partial<Record<AgingTable, number>> = {};
    for await (const { table, rows } of outdated()) {
      metrics.rowsDropped.inc(rows, { table });
      if (rows > 0) dropped[table] = (dropped[table] ?? 0) + rows;
      if (signal.aborted || clock.monotonicMs() > untilMs) break;
      await pause(clock, PAUSE_MS, signal);
    }
    if (Object.keys(dropped).length > 0) log.info({ tag: "DB", dropped }, "rows past their days dropped");
  };
}
