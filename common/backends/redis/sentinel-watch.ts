/**
 * Asks the Sentinels every `redisLookEveryMs` whether another server is the master now, one Sentinel after the other.
 *
 * A master that was replaced while it lives is told so by the Sentinels only some ten seconds later, and until then takes
 * what it is sent, or refuses it for want of replicas: nothing on its connection says that it is not the master any more.
 *
 * ioredis' own `failoverDetector` is not used: it may cut a connection while it is being made, after which ioredis gives
 * up for good, and it takes another master's failover for ours.
 */
import { limits } from "#common/contract/limits.ts";
import { pause } from "#common/kernel/clock.ts";
import type { ConnectionTools } from "./connection.ts";
import { dialSentinel, type SentinelPlace } from "./place.ts";
import type { ServerConnection } from "./server-connection.ts";

/** A Sentinel that has not heard yet sends us back to the former master. */
const TRIES = 5;

export class SentinelWatch {
  readonly #tools: ConnectionTools;
  readonly #place: SentinelPlace;
  readonly #commands: Pick<ServerConnection, "identity" | "restart">;
  readonly #stop = new AbortController();
  #isWatching = false;
  #turn = 0;
  #address = "";
  /** Of a Sentinel that was cut off it is older than of the others. */
  #epoch = -1;
  /** Whom we spoke with when the master was seen to be another, and how often we may still leave him. */
  #former = "";
  #triesLeft = 0;

  constructor(tools: ConnectionTools, place: SentinelPlace, commands: Pick<ServerConnection, "identity" | "restart">) {
    this.#tools = tools;
    this.#place = place;
    this.#commands = commands;
  }

  /** Again: changes nothing. */
  start(): void {
    if (this.#isWatching) return;
    this.#isWatching = true;
    void this.#watchForEver();
  }

  close(): void {
    this.#stop.abort();
  }

  async #watchForEver(): Promise<void> {
    const { sentinels, master } = this.#place;
    while (!this.#stop.signal.aborted) {
      const sentinel = sentinels[this.#turn++ % sentinels.length] as string;
      try {
        this.#compare(await this.#ask(sentinel));
      } catch (error) {
        this.#tools.log.debug({ tag: "REDIS", err: (error as Error).message, master }, "a Sentinel does not answer");
      }
      await pause(this.#tools.clock, limits.redisLookEveryMs, this.#stop.signal);
    }
  }

  #compare({ address, epoch }: { address: string; epoch: number }): void {
    if (epoch < this.#epoch) return;
    if (this.#address !== "" && this.#address !== address) {
      this.#former = this.#commands.identity;
      this.#triesLeft = TRIES;
    }
    [this.#address, this.#epoch] = [address, epoch];
    if (this.#triesLeft === 0 || this.#commands.identity !== this.#former) return;
    this.#triesLeft--;
    this.#commands.restart();
  }

  async #ask(sentinel: string): Promise<{ address: string; epoch: number }> {
    const redis = dialSentinel(this.#place, sentinel, {
      lazyConnect: true,
      retryStrategy: null,
      enableReadyCheck: false,
      maxRetriesPerRequest: 0,
      connectTimeout: limits.sentinelMsMax,
      commandTimeout: limits.sentinelMsMax,
      disconnectTimeout: 200,
      connectionName: "moa-watch",
    });
    redis.on("error", () => {});
    try {
      await redis.connect();
      const fields = (await redis.call("sentinel", "master", this.#place.master)) as string[];
      const field = (name: string) => fields[fields.indexOf(name) + 1] ?? "";
      return { address: `${field("ip")}:${field("port")}`, epoch: Number(field("config-epoch")) };
    } finally {
      redis.disconnect();
    }
  }
}
