/**
 * Outbound side of the pod: one BotDelivery per bot that has a connection here, and the second look at dirty bots.
 *
 *   every second:  suspects of the last look still behind?  ──> read their stream
 *                  dirty marks taken ──> heads compared ──> behind? ──> suspects of the next look
 *
 * A published piece may be lost without any gap being seen, when it was the last. Workers mark the bot in the same script
 * that publishes, so the mark is there if the action is. Two looks, because at the first the piece may be in flight.
 */
import type { BotName, MemberId } from "#common/contract/ids.ts";
import { limits } from "#common/contract/limits.ts";
import { pause } from "#common/kernel/clock.ts";
import type { OutboxHead } from "#common/ports/outbox.ts";
import { BotDelivery, type DeliveryOptions } from "./bot-delivery.ts";
import type { WriterConnection } from "./reign.ts";

/** Bots whose heads are asked for in one call. */
const HEADS_MAX = 1_000;

export class Deliver {
  readonly #options: DeliveryOptions;
  readonly #deliveries = new Map<BotName, BotDelivery>();
  readonly #stop = new AbortController();
  /** Marked, and not yet compared. */
  #dirty = new Set<BotName>();
  #suspects: readonly OutboxHead[] = [];
  #looking: Promise<void> = Promise.resolve();

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  start(): void {
    this.#looking = this.#lookForEver();
  }

  /** Every bot leaves cleanly. Connections are still open and may finish what they write. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all([...this.#deliveries.values()].map((delivery) => delivery.stop()));
    await this.#looking;
  }

  connected(bot: BotName): void {
    if (this.#stop.signal.aborted) return;
    let delivery = this.#deliveries.get(bot);
    if (delivery === undefined) {
      const fresh = new BotDelivery(bot, this.#options, () => {
        if (this.#deliveries.get(bot) === fresh) this.#deliveries.delete(bot);
      });
      delivery = fresh;
      this.#deliveries.set(bot, fresh);
    }
    delivery.connected();
  }

  closed(bot: BotName, connection: WriterConnection): void {
    this.#deliveries.get(bot)?.closed(connection);
  }

  reborn(): void {
    for (const delivery of this.#deliveries.values()) delivery.reborn();
  }

  async #lookForEver(): Promise<void> {
    const { clock, log, member } = this.#options;
    for (;;) {
      await pause(clock, limits.dirtyEveryMs, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      try {
        await this.#look(member());
      } catch (error) {
        // Marks may have been taken and lost with the reply: every bot is looked at.
        for (const [bot, delivery] of this.#deliveries) if (delivery.writes) this.#dirty.add(bot);
        log.debug({ err: error }, "the look at dirty bots failed");
      }
    }
  }

  async #look(member: MemberId): Promise<void> {
    for (const head of this.#suspects) {
      const delivery = this.#deliveries.get(head.bot);
      if (delivery?.isBehind(head)) delivery.readAgain("dirty");
    }
    this.#suspects = [];
    for (const bot of await this.#options.outbox.takeDirty(member)) this.#dirty.add(bot);
    const bots = [...this.#dirty].filter((bot) => this.#deliveries.get(bot)?.writes);
    const suspects: OutboxHead[] = [];
    for (let i = 0; i < bots.length; i += HEADS_MAX) {
      const heads = await this.#options.outbox.heads(bots.slice(i, i + HEADS_MAX));
      suspects.push(...heads.filter((head) => this.#deliveries.get(head.bot)?.isBehind(head)));
    }
    this.#dirty = new Set();
    this.#suspects = suspects;
  }
}
