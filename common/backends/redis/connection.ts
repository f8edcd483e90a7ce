/**
 * A way to Redis, for one purpose: to a single server, to a master that Sentinels know, or to a Cluster. It is made again
 * for ever, with jitter; nothing in flight stays unsettled.
 *
 * What ioredis does by default and must not here: queue commands without bound while away (offline queue), send commands
 * again whose reply was lost (an append would be doubled), keep them unsettled for ever (maxRetriesPerRequest null), and
 * subscribe again by itself without a word (then nobody knows that something was missed). A call made while Redis is
 * away fails at once; the caller has a ring of its own.
 *
 * A call that passes its deadline takes the connection with it: replies come in order, so one that is missing for so
 * long means that the connection is dead or the server too slow to be waited for, and what was in flight would pile up.
 */
import type { Redis } from "ioredis";
import type { Clock } from "#common/kernel/clock.ts";
import type { Random } from "#common/kernel/random.ts";
import type { Log } from "#common/observe/logger.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import type { Script } from "./scripts.ts";

export type Purpose = "commands" | "reader" | "subscriber";
export type Argument = string | number | Buffer;

export interface ConnectionTools {
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Metrics;
  readonly log: Log;
}

/** What may be lost is what stands under keys of which this says true. */
export type LossListener = (isLost: (key: string) => boolean) => void;

export interface Connection {
  readonly ready: boolean;
  /** Waits until it stands; tries go on in the background. @throws MoaError redis_unavailable */
  open(): Promise<void>;
  /** On a Cluster each command of the work goes where its first key is. @throws MoaError redis_unavailable */
  call<T>(what: string, work: (redis: Redis) => Promise<T>): Promise<T>;
  /** Runs a script by its digest, and by its text where the server does not know it. @throws MoaError redis_unavailable */
  run(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<unknown>;
  /** The servers behind it: one, or the masters of a Cluster. @throws MoaError redis_unavailable */
  servers(): Promise<readonly ServerCalls[]>;
  /** Told, before any call on those keys can succeed again, that Redis may have lost what it acknowledged. */
  onLoss(listener: LossListener): void;
  close(): void;
}

export interface ServerCalls extends Pick<Connection, "call"> {
  /** Empty where there is one server only. */
  readonly address: string;
}

/** @throws what the driver throws */
export async function runOn(
  redis: Redis,
  script: Script,
  { keys, args }: { keys: readonly string[]; args: readonly Argument[] },
): Promise<unknown> {
  // One array, put together once: spread over a call, a thousand arguments are walked and copied three times.
  const called = (by: string) => ([by, keys.length] as Argument[]).concat(keys, args);
  try {
    return await redis.call("evalsha", called(script.sha));
  } catch (error) {
    if (!(error as Error).message.startsWith("NOSCRIPT")) throw error;
    return redis.call("eval", called(script.text));
  }
}
