/**
 * Jobs on BullMQ. What goes wrong with it in production is silence: a worker that waits for ever after Redis came back,
 * a schedule that vanished. Hence here:
 *
 *   - BullMQ wants maxRetriesPerRequest null, under which a command in flight may stay unsettled for ever: every command
 *     has a deadline instead, longer than BullMQ's longest blocking wait (10 s).
 *   - The schedule is registered again whenever the connection is made again (Redis may have come back empty) and every
 *     few periods. Registering what is there changes nothing.
 *   - Closing has a deadline of its own; after it the connections are cut.
 */
import { Queue, Worker } from "bullmq";
import type { Cluster, Redis } from "ioredis";
import { limits } from "#common/contract/limits.ts";
import { type QueueName, type QueueSpec, queues } from "#common/contract/queues.ts";
import { backoffMs } from "#common/kernel/backoff.ts";
import { type Clock, pause } from "#common/kernel/clock.ts";
import { MoaError } from "#common/kernel/errors.ts";
import { within } from "#common/kernel/lifecycle.ts";
import type { Random } from "#common/kernel/random.ts";
import { JOB_STATES } from "#common/observe/lane-metrics.ts";
import type { Log } from "#common/observe/logger.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import type { JobHandler, JobQueue } from "#common/ports/job-queue.ts";
import { dial, dialCluster, type RedisPlace } from "../redis/place.ts";

export type JobQueueOptions = RedisPlace & JobQueueTools;

interface JobQueueTools {
  /** `keys.jobs` */
  readonly prefix: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
}

const COMMAND_MS_MAX = 15_000;
const CLOSE_MS_MAX = 5_000;
/** Before BullMQ asks again after a lost connection; 15 s by default. */
const ASK_AGAIN_MS = 1_000;
const REGISTER_EVERY_PERIODS = 3;
const COUNT_EVERY_MS = 30_000;
/** Queue and worker say the same with each try to connect. */
const TOLD_EVERY_MS = 10_000;

interface Working {
  readonly redis: Redis | Cluster;
  readonly queue: Queue;
  readonly worker: Worker;
  cancelRegistering: () => void;
}

export class BullmqJobQueue implements JobQueue {
  readonly #options: JobQueueOptions;
  readonly #working: Working[] = [];
  readonly #closing = new AbortController();

  constructor(options: JobQueueOptions) {
    this.#options = options;
  }

  /** @throws MoaError redis_unavailable: call `close` */
  async work(name: QueueName, handler: JobHandler): Promise<void> {
    const { clock, log, prefix } = this.#options;
    const redis = this.#connect();
    const queue = new Queue(name, { connection: redis, prefix });
    const worker = new Worker(name, () => this.#run(name, handler), {
      connection: redis,
      prefix,
      concurrency: 1,
      runRetryDelay: ASK_AGAIN_MS,
    });
    let toldMs = Number.NEGATIVE_INFINITY;
    const tell = (err: Error) => {
      const nowMs = clock.monotonicMs();
      if (nowMs - toldMs < TOLD_EVERY_MS) return;
      toldMs = nowMs;
      log.warn({ tag: "SERVER", queue: name, err }, "BullMQ");
    };
    queue.on("error", tell);
    worker.on("error", tell);
    const working = { redis, queue, worker, cancelRegistering: () => {} };
    this.#working.push(working);
    void this.#countForEver(name, queue);
    const first = this.#register(name, working);
    redis.on("ready", () => void this.#register(name, working).catch(() => {}));
    try {
      await within(clock, limits.redisCallMsMax, `schedule of ${name}`, first);
    } catch (cause) {
      throw new MoaError("redis_unavailable", `queue ${name} could not be registered`, { cause });
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#working.splice(0).map((working) => this.#end(working)));
  }

  #connect(): Redis | Cluster {
    const { random } = this.#options;
    const again = (attempt: number) => backoffMs(attempt - 1, random, 50, 1_000);
    const options = {
      maxRetriesPerRequest: null,
      commandTimeout: COMMAND_MS_MAX,
      connectTimeout: limits.redisCallMsMax,
      disconnectTimeout: 200,
      keepAlive: 10_000,
      connectionName: "moa-jobs",
    };
    const redis =
      "cluster" in this.#options
        ? dialCluster(this.#options, options, again)
        : dial(this.#options, { ...options, retryStrategy: again });
    // Without a listener an error of the connection would end the process; BullMQ's own events tell of it.
    redis.on("error", () => {});
    return redis;
  }

  async #register(name: QueueName, working: Working): Promise<void> {
    const { clock, log } = this.#options;
    const { attemptsMax, everyMs }: QueueSpec = queues[name];
    if (everyMs === undefined || this.#closing.signal.aborted) return;
    working.cancelRegistering();
    working.cancelRegistering = clock.after(everyMs * REGISTER_EVERY_PERIODS, () => {
      void this.#register(name, working).catch((err) =>
        log.warn({ tag: "SERVER", queue: name, err }, "schedule not renewed"),
      );
    });
    const opts = { attempts: attemptsMax, removeOnComplete: { count: 10 }, removeOnFail: { count: 100 } };
    await working.queue.upsertJobScheduler(name, { every: everyMs }, { name, opts });
  }

  /** What no run tells of: jobs that wait, or whose worker died with them. */
  async #countForEver(name: QueueName, queue: Queue): Promise<void> {
    const { clock, metrics } = this.#options;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      // That Redis is away is said by every other call; what was seen last stays.
      const counts = await queue.getJobCounts(...JOB_STATES).catch(() => null);
      if (counts !== null)
        for (const state of JOB_STATES) metrics.queuedJobs.set(counts[state] ?? 0, { queue: name, state });
      await pause(clock, COUNT_EVERY_MS, signal);
    }
  }

  async #run(name: QueueName, handler: JobHandler): Promise<void> {
    const { clock, log, metrics } = this.#options;
    const { runMsMax }: QueueSpec = queues[name];
    const late = new AbortController();
    const startedMs = clock.monotonicMs();
    try {
      await within(clock, runMsMax, `job of ${name}`, handler(AbortSignal.any([this.#closing.signal, late.signal])));
      metrics.jobs.inc(1, { queue: name, outcome: "ok" });
    } catch (error) {
      late.abort();
      metrics.jobs.inc(1, { queue: name, outcome: "failed" });
      log.warn({ tag: "SERVER", queue: name, err: error }, "job failed");
      throw error;
    } finally {
      metrics.jobSeconds.observe((clock.monotonicMs() - startedMs) / 1_000, { queue: name });
    }
  }

  async #end({ redis, worker, cancelRegistering }: Working): Promise<void> {
    const { clock, log } = this.#options;
    cancelRegistering();
    try {
      // Asked to be gentle, BullMQ waits for a Redis that is away.
      await within(clock, CLOSE_MS_MAX, "close of a queue", worker.close(redis.status !== "ready"));
    } catch (error) {
      log.warn({ tag: "SHUTDOWN", err: error }, "queue closed by cutting its connections");
      worker.disconnect().catch(() => {});
    }
    redis.disconnect();
  }
}
