/**
 * The doorbell on Redis' sharded pub/sub, which works on a single server and on a Cluster alike. What one command may
 * name shares a hash tag, and a tag is on one server: how its channels are kept alive is in tag-subscription.ts.
 *
 * ioredis' own subscribers of a Cluster (`shardedSubscribers`) are not used: they say nothing when they subscribe anew,
 * so that nobody knows that something was missed, and rest ready without being subscribed (redis/ioredis 1759, 2060).
 */
import type { BotName } from "#common/contract/ids.ts";
import type { Keys } from "#common/contract/keys.ts";
import { type Topology, tagOf } from "#common/contract/lanes.ts";
import { limits } from "#common/contract/limits.ts";
import { pause } from "#common/kernel/clock.ts";
import type { BotChannel, BotListener } from "#common/ports/bot-channel.ts";
import { announce } from "../channel-payload.ts";
import type { ConnectionTools } from "./connection.ts";
import type { ServerConnection } from "./server-connection.ts";
import type { Servers, Subscribers } from "./servers.ts";
import { TagSubscription } from "./tag-subscription.ts";

export class RedisBotChannel implements BotChannel {
  readonly #tools: ConnectionTools;
  readonly #servers: Servers;
  readonly #keys: Keys;
  readonly #reach: Topology;
  readonly #subscribers: Subscribers;
  readonly #tags = new Map<number, TagSubscription>();
  /** By channel, the probes' own included. */
  readonly #tagOf = new Map<string, TagSubscription>();
  readonly #stop = new AbortController();

  constructor(tools: ConnectionTools, servers: Servers, { keys, reach }: { keys: Keys; reach: Topology }) {
    this.#tools = tools;
    this.#servers = servers;
    this.#keys = keys;
    this.#reach = reach;
    this.#subscribers = servers.subscribers((connection) => this.#attend(connection));
    this.#subscribers.onChange(() => {
      for (const tag of this.#tags.values()) tag.follow();
    });
  }

  async subscribe(bot: BotName, listener: BotListener): Promise<void> {
    const channel = this.#keys.channel(bot);
    const tag = this.#subscriptionOf(tagOf(this.#reach, bot));
    this.#tagOf.set(channel, tag);
    await tag.subscribe(channel, listener);
  }

  async unsubscribe(bot: BotName): Promise<void> {
    const channel = this.#keys.channel(bot);
    const tag = this.#tagOf.get(channel);
    this.#tagOf.delete(channel);
    await tag?.unsubscribe(channel);
  }

  close(): void {
    this.#stop.abort();
    this.#subscribers.close();
  }

  #attend(connection: ServerConnection): void {
    const renew = () => {
      for (const tag of this.#tags.values()) tag.renewOn(connection);
    };
    let isToRenew = false;
    connection.onSharded((channel, payload) => this.#hear(channel, payload));
    connection.onReady(renew);
    // Told once for each of thousands of channels.
    connection.onUnsubscribed(() => {
      if (isToRenew) return;
      isToRenew = true;
      this.#tools.clock.after(0, () => {
        isToRenew = false;
        renew();
      });
    });
  }

  #hear(channel: string, payload: string): void {
    const tag = this.#tagOf.get(channel);
    if (tag === undefined) return;
    tag.heard();
    const listener = tag.listenerOf(channel);
    if (listener) announce(payload, listener);
  }

  #subscriptionOf(index: number): TagSubscription {
    const known = this.#tags.get(index);
    if (known) return known;
    if (this.#tags.size === 0) void this.#probeForEver();
    const probe = this.#keys.probe(index, this.#tools.random.hex(8));
    const tag = new TagSubscription({
      ...this.#tools,
      commands: this.#servers.commands,
      subscribers: this.#subscribers,
      probe,
      stop: this.#stop.signal,
    });
    this.#tags.set(index, tag);
    this.#tagOf.set(probe, tag);
    return tag;
  }

  async #probeForEver(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await pause(this.#tools.clock, limits.probeEveryMs, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      await Promise.all([...this.#tags.values()].map((tag) => tag.probe()));
    }
  }
}
