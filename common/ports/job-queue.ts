/** Delayed and slow work (ADR 0006: BullMQ wakes, MySQL decides). Handlers must bear being run twice. */
import type { QueueName } from "../contract/queues.ts";

export type JobHandler = (signal: AbortSignal) => Promise<void>;

export interface JobQueue {
  /** Starts working the queue, one job at a time, and registers its period if it has one. */
  work(queue: QueueName, handler: JobHandler): Promise<void>;
  /** Stops taking jobs and waits for the one in hand. */
  close(): Promise<void>;
}
