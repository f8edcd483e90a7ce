/**
 * The doorbell on Redis' sharded pub/sub, which works on a single server and on a Cluster alike.
 *
 *   silent: a subscriber can look open and be dead. So we publish to a channel of our own each `probeEveryMs` and start
 *           the subscriber again when nothing at all was heard for `probeSilenceMsMax` though publishing succeeded.
 *   renewed: each time the connection stands again all channels are subscribed anew, in bounded commands; only when
 *           Redis acknowledged does a listener hear `onRenewed`. While that fails it is tried again each `probeEveryMs`.
 */
import type { BotName } from "#common/contract/ids.ts";
import type { Keys } from "#common/contract/keys.ts";
import { type Topology, tagOf } from "#common/contract/lanes.ts";
import { limits } from "#common/contract/limits.ts";
import { pause } from "#common/kernel/clock.ts";
import type { BotChannel, BotListener } from "#common/ports/bot-channel.ts";
import { announce } from "../channel-payload.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";

const CHANNELS_PER_COMMAND = 500;

export class RedisBotChannel implements BotChannel {
  readonly #options: ConnectionOptions;
  readonly #commands: Connection;
  readonly #keys: Keys;
  readonly #reach: Topology;
  readonly #subscriber: Connection;
  readonly #probe: string;
  readonly #listeners = new Map<string, { readonly bot: BotName; readonly listener: BotListener }>();
  readonly #stop = new AbortController();
  #renewals = 0;
  #opened = false;
  /** When a probe that was published and is not heard yet was sent; null when all were heard. */
  #unheardSinceMs: number | null = null;

  constructor(options: ConnectionOptions, commands: Connection, { keys, reach }: { keys: Keys; reach: Topology }) {
    this.#options = options;
    this.#commands = commands;
    this.#keys = keys;
    this.#reach = reach;
    this.#subscriber = new Connection(options, "subscriber");
    this.#probe = keys.probe(0, options.random.hex(8));
    this.#subscriber.onSharded((channel, payload) => this.#hear(channel, payload));
    this.#subscriber.onReady(() => void this.#renew());
  }

  async subscribe(bot: BotName, listener: BotListener): Promise<void> {
    this.#start();
    await this.#subscriber.open();
    const channel = this.#keys.channel(bot);
    const entry = { bot, listener };
    // Before the command: what is published right after Redis took it must find its listener.
    this.#listeners.set(channel, entry);
    try {
      await this.#subscriber.call("ssubscribe", (redis) => redis.ssubscribe(channel));
    } catch (error) {
      if (this.#listeners.get(channel) === entry) this.#listeners.delete(channel);
      throw error;
    }
  }

  /** Never rejects: a subscription that could not be ended is not renewed, and what it brings finds no listener. */
  async unsubscribe(bot: BotName): Promise<void> {
    const channel = this.#keys.channel(bot);
    if (!this.#listeners.delete(channel)) return;
    await this.#subscriber.call("sunsubscribe", (redis) => redis.sunsubscribe(channel)).catch(() => undefined);
  }

  close(): void {
    this.#stop.abort();
    this.#subscriber.close();
  }

  #start(): void {
    if (this.#opened) return;
    this.#opened = true;
    void this.#probeForEver();
  }

  #hear(channel: string, payload: string): void {
    this.#unheardSinceMs = null;
    const entry = this.#listeners.get(channel);
    if (entry) announce(payload, entry.listener);
  }

  async #renew(): Promise<void> {
    const renewal = ++this.#renewals;
    this.#unheardSinceMs = null;
    const channels = [...this.#listeners.keys(), this.#probe];
    const left = this.#commandsFor(channels);
    while (left.length > 0 && renewal === this.#renewals && this.#subscriber.ready) {
      const some = left[0] as readonly string[];
      try {
        await this.#subscriber.call("ssubscribe", (redis) => redis.ssubscribe(...some));
      } catch {
        // Counted and logged by the connection. When it was lost, its return begins another renewal.
        await pause(this.#options.clock, limits.probeEveryMs, this.#stop.signal);
        continue;
      }
      left.shift();
      for (const channel of some) this.#listeners.get(channel)?.listener.onRenewed();
    }
  }

  /** Channels of one command share a tag, as a Cluster wants it. */
  #commandsFor(channels: readonly string[]): string[][] {
    const byTag = Map.groupBy(channels, (channel) => {
      const entry = this.#listeners.get(channel);
      return entry ? tagOf(this.#reach, entry.bot) : 0;
    });
    return [...byTag.values()].flatMap((all) =>
      Array.from({ length: Math.ceil(all.length / CHANNELS_PER_COMMAND) }, (_, i) =>
        all.slice(i * CHANNELS_PER_COMMAND, (i + 1) * CHANNELS_PER_COMMAND),
      ),
    );
  }

  async #probeForEver(): Promise<void> {
    const { clock, metrics, log } = this.#options;
    while (!this.#stop.signal.aborted) {
      await pause(clock, limits.probeEveryMs, this.#stop.signal);
      if (!this.#subscriber.ready || !(await this.#published())) continue;
      this.#unheardSinceMs ??= clock.monotonicMs();
      if (clock.monotonicMs() - this.#unheardSinceMs < limits.probeSilenceMsMax) continue;
      this.#unheardSinceMs = null;
      metrics.probeSilences.inc(1);
      log.warn({ tag: "REDIS" }, "the subscriber hears nothing; it is started again");
      this.#subscriber.restart();
    }
  }

  async #published(): Promise<boolean> {
    try {
      await this.#commands.call("probe", (redis) => redis.spublish(this.#probe, "."));
      return true;
    } catch {
      return false;
    }
  }
}
