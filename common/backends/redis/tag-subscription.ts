/**
 * The channels of one hash tag, which one server has at a time, and the proof that they are heard there.
 *
 *   renewed: whenever the server's connection stands again, or another server has the tag, or a Cluster ended the
 *            subscriptions, all channels are subscribed anew, in bounded commands; only when Redis acknowledged does a
 *            listener hear `onRenewed`. While that fails it is tried again.
 *   silent:  a subscription can look alive and be dead. So we publish to a channel of our own each `probeEveryMs`, and
 *            what did not come back within `probeSilenceMsMax` though publishing succeeded makes all begin anew.
 */
import { limits } from "#common/contract/limits.ts";
import { pause } from "#common/kernel/clock.ts";
import type { BotListener } from "#common/ports/bot-channel.ts";
import type { Connection, ConnectionTools } from "./connection.ts";
import { unavailable } from "./faults.ts";
import type { ServerConnection } from "./server-connection.ts";
import type { Subscribers } from "./servers.ts";

const CHANNELS_PER_COMMAND = 500;

export interface TagSubscriptionOptions extends ConnectionTools {
  readonly commands: Connection;
  readonly subscribers: Subscribers;
  /** A channel of the tag that is ours alone. */
  readonly probe: string;
  readonly stop: AbortSignal;
}

export class TagSubscription {
  readonly #options: TagSubscriptionOptions;
  readonly #listeners = new Map<string, BotListener>();
  #server: ServerConnection | undefined;
  #renewals = 0;
  /** When a probe that was published and is not heard yet was sent; null when all were heard. */
  #unheardSinceMs: number | null = null;

  constructor(options: TagSubscriptionOptions) {
    this.#options = options;
  }

  listenerOf(channel: string): BotListener | undefined {
    return this.#listeners.get(channel);
  }

  /** @throws MoaError redis_unavailable */
  async subscribe(channel: string, listener: BotListener): Promise<void> {
    const server = await this.#opened();
    if (server !== this.#server) void this.renew();
    // Before the command: what is published right after Redis took it must find its listener. After the renewal began:
    // nothing was missed by who was never subscribed.
    this.#listeners.set(channel, listener);
    try {
      await server.call("ssubscribe", (redis) => redis.ssubscribe(channel));
    } catch (error) {
      if (this.#listeners.get(channel) === listener) this.#listeners.delete(channel);
      throw error;
    }
    // The tag went elsewhere meanwhile, and the renewal there may have begun before this channel was known.
    if (server !== this.#server) void this.renew();
  }

  /** Never rejects: a subscription that could not be ended is not renewed, and what it brings finds no listener. */
  async unsubscribe(channel: string): Promise<void> {
    if (!this.#listeners.delete(channel)) return;
    await this.#server?.call("sunsubscribe", (redis) => redis.sunsubscribe(channel)).catch(() => undefined);
  }

  /** Something came: the subscription lives. */
  heard(): void {
    this.#unheardSinceMs = null;
  }

  /** Another server may have the tag now. */
  follow(): void {
    const server = this.#options.subscribers.of(this.#options.probe);
    if (server !== undefined && server !== this.#server) void this.renew();
  }

  /** The connection stands again, or the server ended the subscriptions on it. */
  renewOn(server: ServerConnection): void {
    if (this.#options.subscribers.of(this.#options.probe) === server) void this.renew();
  }

  async renew(): Promise<void> {
    const { subscribers, probe, clock, stop } = this.#options;
    const renewal = ++this.#renewals;
    this.#unheardSinceMs = null;
    const server = subscribers.of(probe);
    this.#leave(server);
    if (server === undefined) return;
    const left = inCommands([...this.#listeners.keys(), probe]);
    while (left.length > 0 && renewal === this.#renewals && !stop.aborted) {
      const some = left[0] as readonly string[];
      try {
        await server.call("ssubscribe", (redis) => redis.ssubscribe(...some));
      } catch {
        // Counted and logged by the connection, whose return begins another renewal, as does another server's turn.
        await pause(clock, limits.probeEveryMs, stop);
        continue;
      }
      left.shift();
      for (const channel of some) this.#listeners.get(channel)?.onRenewed();
    }
  }

  async probe(): Promise<void> {
    const { clock, metrics, log, commands, probe, subscribers } = this.#options;
    if (!this.#server?.ready) return this.follow();
    try {
      await commands.call("probe", (redis) => redis.spublish(probe, "."));
    } catch {
      return;
    }
    this.#unheardSinceMs ??= clock.monotonicMs();
    if (clock.monotonicMs() - this.#unheardSinceMs < limits.probeSilenceMsMax) return;
    this.#unheardSinceMs = null;
    metrics.probeSilences.inc(1);
    log.warn({ tag: "REDIS" }, "the subscriber hears nothing; it is started again");
    subscribers.suspect(probe);
  }

  async #opened(): Promise<ServerConnection> {
    const { subscribers, probe } = this.#options;
    await subscribers.open();
    const server = subscribers.of(probe);
    if (server === undefined) throw unavailable("ssubscribe", new Error("no server has the slot"));
    await server.open();
    return server;
  }

  /** What the former server still sends would be heard twice. */
  #leave(next: ServerConnection | undefined): void {
    const former = this.#server;
    this.#server = next;
    if (former === undefined || former === next) return;
    for (const some of inCommands([...this.#listeners.keys(), this.#options.probe])) {
      former.call("sunsubscribe", (redis) => redis.sunsubscribe(...some)).catch(() => undefined);
    }
  }
}

function inCommands(channels: readonly string[]): string[][] {
  return Array.from({ length: Math.ceil(channels.length / CHANNELS_PER_COMMAND) }, (_, i) =>
    channels.slice(i * CHANNELS_PER_COMMAND, (i + 1) * CHANNELS_PER_COMMAND),
  );
}
