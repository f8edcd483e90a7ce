/**
 * Catalogue of BullMQ queues: delayed or slow work, never the way of a message (ADR 0006). BullMQ wakes, MySQL decides.
 * A queue's handler is in workers/jobs under the same name; a test fails if either half is missing.
 */
export interface QueueSpec {
  /** Tries before a job counts as failed. */
  readonly attemptsMax: number;
  readonly runMsMax: number;
  /** Runs once per period over the whole cluster, without anyone adding a job. */
  readonly everyMs?: number;
}

export const queues = {
  /** Offers open MySQL outbox rows again after a worker or Redis lost them on the way. */
  "outbox-sweep": { attemptsMax: 1, runMsMax: 10_000, everyMs: 5_000 },
  /** Forgets expired answers in Redis that nobody came for. */
  "outbox-expiry": { attemptsMax: 1, runMsMax: 240_000, everyMs: 300_000 },
  /** Sends what operators have scheduled. */
  schedules: { attemptsMax: 1, runMsMax: 60_000, everyMs: 5_000 },
  /** Drops rows that are past their days. */
  retention: { attemptsMax: 1, runMsMax: 300_000, everyMs: 600_000 },
} as const satisfies Record<string, QueueSpec>;

export type QueueName = keyof typeof queues;
