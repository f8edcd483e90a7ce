/**
 * One connection to Redis, for one purpose. It is made again for ever, with jitter; nothing in flight stays unsettled.
 *
 * What ioredis does by default and must not here: queue commands without bound while away (offline queue), send commands
 * again whose reply was lost (an append would be doubled), keep them unsettled for ever (maxRetriesPerRequest null), and
 * subscribe again by itself without a word (then nobody knows that something was missed). A call made while Redis is
 * away fails at once; the caller has a ring of its own.
 *
 * A call that passes its deadline takes the connection with it: replies come in order, so one that is missing for so
 * long means that the connection is dead or the server too slow to be waited for, and what was in flight would pile up.
 *
 *   wait ──open──> connecting <──> ready ──close──> end        (Sentinel and Cluster need another `connect`, no more)
 */
import { Redis } from "ioredis";
import { limits } from "#common/contract/limits.ts";
import { backoffMs } from "#common/kernel/backoff.ts";
import type { Clock } from "#common/kernel/clock.ts";
import { within } from "#common/kernel/lifecycle.ts";
import type { Random } from "#common/kernel/random.ts";
import type { Log } from "#common/observe/logger.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import { faultOf, unavailable } from "./faults.ts";
import type { Script } from "./scripts.ts";

export type Purpose = "commands" | "reader" | "subscriber";
export type Argument = string | number | Buffer;

export interface ConnectionOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Metrics;
  readonly log: Log;
}

export function connect(options: ConnectionOptions, purpose: Purpose): Redis {
  const { url, random } = options;
  return new Redis(url, {
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    autoResubscribe: false,
    // Also bounds the handshake of a server that accepts and says nothing.
    commandTimeout: purpose === "reader" ? limits.blockingReadMs + limits.blockingReadGraceMs : limits.redisCallMsMax,
    connectTimeout: limits.redisCallMsMax,
    // A dead peer never closes its side: without this the socket would linger after `restart`.
    disconnectTimeout: 200,
    maxLoadingRetryTime: 500,
    keepAlive: 10_000,
    connectionName: `moa-${purpose}`,
    retryStrategy: (attempt) => backoffMs(attempt - 1, random, 50, 1_000),
  });
}

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #purpose: Purpose;
  readonly #redis: Redis;
  #stands: Promise<void> | undefined;
  #wasReady = false;
  #up = false;
  #dropping = false;
  #closed = false;

  constructor(options: ConnectionOptions, purpose: Purpose) {
    this.#options = options;
    this.#purpose = purpose;
    this.#redis = connect(options, purpose);
    this.#redis.on("ready", () => this.#whenReady());
    this.#redis.on("close", () => this.#whenClosed());
    // Without a listener ioredis prints. Each failed try to reconnect comes here.
    this.#redis.on("error", (error) => options.log.debug({ tag: "REDIS", purpose, err: error.message }, "connection"));
  }

  get ready(): boolean {
    return this.#redis.status === "ready" && !this.#dropping;
  }

  /** Waits until the connection stands; tries go on in the background. @throws MoaError redis_unavailable */
  async open(): Promise<void> {
    if (this.ready) return;
    // One for all who wait: while Redis is away nobody's listener may pile up.
    this.#stands ??= new Promise((resolve) => this.#redis.once("ready", resolve));
    if (this.#redis.status === "wait") this.#redis.connect().catch(() => undefined);
    try {
      await within(this.#options.clock, limits.redisCallMsMax, "connecting", this.#stands);
    } catch (error) {
      throw this.#failed("open", error as Error);
    }
  }

  /** Called each time the connection stands again, the first time included. */
  onReady(listener: () => void): void {
    this.#redis.on("ready", listener);
  }

  onSharded(listener: (channel: string, payload: string) => void): void {
    this.#redis.on("smessage", listener);
  }

  /** @throws MoaError redis_unavailable */
  async call<T>(what: string, work: (redis: Redis) => Promise<T>): Promise<T> {
    this.#gatherWrites();
    try {
      return await work(this.#redis);
    } catch (error) {
      throw this.#failed(what, error as Error);
    }
  }

  /** Runs a script by its digest, and by its text where the server does not know it. @throws MoaError redis_unavailable */
  run(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    // One array, put together once: spread over a call, a thousand arguments are walked and copied three times.
    const called = (by: string) => ([by, keys.length] as Argument[]).concat(keys, args);
    return this.call("script", async (redis) => {
      try {
        return await redis.call("evalsha", called(script.sha));
      } catch (error) {
        if (!(error as Error).message.startsWith("NOSCRIPT")) throw error;
        return redis.call("eval", called(script.text));
      }
    });
  }

  /** Drops the socket and connects again. Never while it is being made: ioredis would then give up for good. */
  restart(): void {
    if (!this.ready) return;
    this.#dropping = true;
    this.#redis.disconnect(true);
  }

  close(): void {
    this.#closed = true;
    this.#redis.disconnect();
  }

  /** What is called in one turn of the event loop leaves in one write; ioredis would make one for each argument. */
  #gatherWrites(): void {
    const { stream } = this.#redis;
    if (stream === undefined || stream.writableCorked > 0) return;
    stream.cork();
    process.nextTick(() => stream.uncork());
  }

  #failed(what: string, error: Error): Error {
    const fault = faultOf(error);
    this.#options.metrics.redisCallErrors.inc(1, { code: fault });
    // READONLY: a failover turned our master into a replica; a new connection finds the new one.
    if (fault === "timeout" || fault === "READONLY") this.restart();
    return unavailable(what, error);
  }

  #whenReady(): void {
    const { metrics, log } = this.#options;
    if (this.#wasReady) {
      metrics.redisReconnects.inc(1, { purpose: this.#purpose });
      log.info({ tag: "REDIS", purpose: this.#purpose }, "connected again");
    }
    this.#wasReady = true;
    this.#up = true;
    this.#stands = undefined;
  }

  #whenClosed(): void {
    this.#dropping = false;
    // Each failed try to reconnect closes, too: told once.
    if (this.#up && !this.#closed) this.#options.log.warn({ tag: "REDIS", purpose: this.#purpose }, "connection lost");
    this.#up = false;
  }
}
