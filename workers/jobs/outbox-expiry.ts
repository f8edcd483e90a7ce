/**
 * Forgets answers that nobody came for: those of a bot that is gone for good would else keep what was said to a room in
 * Redis for ever, where no erasure finds them (docs/backup.md says how long they live at most).
 */
import { limits } from "#common/contract/limits.ts";
import { type Clock, pause } from "#common/kernel/clock.ts";
import type { Log } from "#common/observe/logger.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import type { JobHandler } from "#common/ports/job-queue.ts";
import type { OutboxExpiry } from "#common/ports/outbox.ts";

export interface OutboxExpiryOptions {
  readonly outboxes: OutboxExpiry;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** A million bots are seen within the queue's runMsMax. */
const PAUSE_MS = 20;

export function outboxExpiry({ outboxes, clock, log, metrics }: OutboxExpiryOptions): JobHandler {
  return async (signal) => {
    let dropped = 0;
    for await (const some of outboxes.forget(clock.nowMs() - limits.dedupeBeyondDeadlineMs)) {
      dropped += some;
      if (signal.aborted) break;
      await pause(clock, PAUSE_MS, signal);
    }
    metrics.actionsWithoutWriter.inc(dropped, { what: "dropped" });
    if (dropped > 0) log.info({ tag: "OUTBOX", dropped }, "expired answers that nobody came for were forgotten");
  };
}
