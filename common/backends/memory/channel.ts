import type { BotName } from "#common/contract/ids.ts";
import type { BotChannel, BotListener } from "#common/ports/bot-channel.ts";
import { announce } from "../channel-payload.ts";

/** What all pods' channels share. */
export class MemoryHub {
  readonly #listeners = new Map<BotName, Set<BotListener>>();

  /** Heard a microtask later, in order: never inside the call that publishes. */
  publish(bot: BotName, payload: string): void {
    for (const listener of this.#listeners.get(bot) ?? []) {
      queueMicrotask(() => {
        if (this.#listeners.get(bot)?.has(listener)) announce(payload, listener);
      });
    }
  }

  add(bot: BotName, listener: BotListener): void {
    const listeners = this.#listeners.get(bot) ?? new Set();
    this.#listeners.set(bot, listeners.add(listener));
  }

  remove(bot: BotName, listener: BotListener): void {
    const listeners = this.#listeners.get(bot);
    listeners?.delete(listener);
    if (listeners?.size === 0) this.#listeners.delete(bot);
  }
}

/** One pod's subscriptions. */
export class MemoryBotChannel implements BotChannel {
  readonly #hub: MemoryHub;
  readonly #listeners = new Map<BotName, BotListener>();

  constructor(hub: MemoryHub) {
    this.#hub = hub;
  }

  async subscribe(bot: BotName, listener: BotListener): Promise<void> {
    await this.unsubscribe(bot);
    this.#listeners.set(bot, listener);
    this.#hub.add(bot, listener);
  }

  async unsubscribe(bot: BotName): Promise<void> {
    const listener = this.#listeners.get(bot);
    if (!listener) return;
    this.#listeners.delete(bot);
    this.#hub.remove(bot, listener);
  }

  close(): void {
    for (const [bot, listener] of this.#listeners) this.#hub.remove(bot, listener);
    this.#listeners.clear();
  }
}
