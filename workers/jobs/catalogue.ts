/** The handler of every queue of common/contract/queues.ts, a line each. */
import type { QueueName } from "#common/contract/queues.ts";
import type { JobHandler } from "#common/ports/job-queue.ts";
import { type OutboxExpiryOptions, outboxExpiry } from "./outbox-expiry.ts";
import { type OutboxSweepOptions, outboxSweep } from "./outbox-sweep.ts";
import { type RetentionOptions, retention } from "./retention.ts";
import { type SchedulesOptions, schedules } from "./schedules.ts";

/** What handlers need, all of them. */
export type JobTools = OutboxSweepOptions & OutboxExpiryOptions & RetentionOptions & SchedulesOptions;

export const jobCatalogue: Readonly<Record<QueueName, (tools: JobTools) => JobHandler>> = {
  "outbox-sweep": outboxSweep,
  "outbox-expiry": outboxExpiry,
  schedules,
  retention,
};
