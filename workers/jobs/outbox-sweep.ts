/**
 * Offers open MySQL outbox rows to the Redis outbox again, for a worker that died between the two or a Redis that lost
 * them. The outbox's own dedupe decides, so that offering too often shows nothing twice.
 *
 *   past deadline + margin          -> closed as expired: no sink would take it, and no receipt is on its way
 *   old enough, before deadline     -> offered, whole events at a time
 *
 * Why under which epoch: outbox-offers.ts. The order against newer answers of the room is not promised.
 */

import { limits } from "#common/contract/limits.ts";
import type { Clock } from "#common/kernel/clock.ts";
import type { Log } from "#common/observe/logger.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import type { JobHandler } from "#common/ports/job-queue.ts";
import type { EnqueueOutcome } from "#common/ports/outbox.ts";
import type { OpenOutboxRow, OutboxRows } from "#workers/domain/stores.ts";
import { epochsOf, type OutboxOffers, offer } from "./outbox-offers.ts";

export interface OutboxSweepOptions extends OutboxOffers {
  readonly rows: OutboxRows;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/**
 * Younger rows are still in the hands of the worker that made them, or in its ring, which keep them in their room's order:
 * after five seconds the sweep overtook answers that waited there for a replay.
 */
const OFFERED_AFTER_MS = limits.replayMs + 5_000;
const ROWS_PER_PAGE = limits.actionsPerDecisionMax * 8;

export function outboxSweep(options: OutboxSweepOptions): JobHandler {
  return async (signal) => {
    const { clock, log, metrics, rows } = options;
    const startMs = clock.nowMs();
    const expired = await rows.expire(startMs - limits.dedupeBeyondDeadlineMs);
    const outcomes = await offerAll(options, startMs, signal);
    const { open, oldestCreatedAtMs } = await rows.summary();
    metrics.outboxSweptAt.set(clock.nowMs() / 1_000);
    metrics.outboxOpenRows.set(open);
    metrics.outboxOldestSeconds.set(
      oldestCreatedAtMs === null ? 0 : Math.max(0, clock.nowMs() - oldestCreatedAtMs) / 1_000,
    );
    if (expired > 0 || outcomes.accepted > 0 || outcomes.fenced > 0) {
      log.warn({ tag: "DB", expiredRows: expired, ...outcomes }, "open outbox rows offered again");
    }
  };
}

async function offerAll(options: OutboxSweepOptions, nowMs: number, signal: AbortSignal) {
  const outcomes: Record<EnqueueOutcome, number> = { accepted: 0, duplicate: 0, expired: 0, fenced: 0 };
  const epochs = await epochsOf(options);
  for (let after: OpenOutboxRow | null = null; !signal.aborted; ) {
    const page: readonly OpenOutboxRow[] = await options.rows.open(nowMs - OFFERED_AFTER_MS, ROWS_PER_PAGE, after);
    const whole = wholeEvents(page);
    const offered = await offer(
      whole.filter(({ deadline }) => deadline > nowMs),
      epochs,
      options,
    );
    for (const outcome of Object.keys(outcomes) as EnqueueOutcome[]) outcomes[outcome] += offered[outcome];
    if (page.length < ROWS_PER_PAGE) break;
    after = whole.at(-1) ?? null;
  }
  return outcomes;
}

/** A full page may end in the middle of an event; a half offered would make the dedupe refuse the rest. */
function wholeEvents(page: readonly OpenOutboxRow[]): readonly OpenOutboxRow[] {
  if (page.length < ROWS_PER_PAGE) return page;
  const last = page.at(-1)?.event;
  return page.filter(({ event }) => event !== last);
}
