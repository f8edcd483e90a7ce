/**
 * Outbound side of the pod: one BotDelivery per bot that has a connection here, and the looks that find what the
 * channels did not tell.
 *
 *   every second:    suspects of the last look still behind?  ──> read their stream
 *                    dirty marks taken ──> heads compared ──> behind? ──> suspects of the next look
 *   twice a second:  do the pods live that hold bots for which somebody stands by here? (holders.ts)
 *
 * A published piece may be lost without any gap being seen, when it was the last. Workers mark the bot in the same script
 * that publishes, so the mark is there if the action is. Two looks, because at the first the piece may be in flight.
 */
import type { Evidence } from "#common/contract/evidence.ts";
import type { BotName, MemberId } from "#common/contract/ids.ts";
import { type Topology, tagOf } from "#common/contract/lanes.ts";
import { limits } from "#common/contract/limits.ts";
import { pause } from "#common/kernel/clock.ts";
import type { Tracing } from "#common/observe/tracing.ts";
import type { Membership } from "#common/ports/membership.ts";
import type { OutboxHead } from "#common/ports/outbox.ts";
import type { WriterConnection } from "#gateway/connection/writer-connection.ts";
import { Failovers } from "#gateway/writers/failover.ts";
import { BotDelivery } from "./bot-delivery.ts";
import type { DeliveryOptions, Loss } from "./delivery-options.ts";
import { Holders } from "./holders.ts";

/** Bots whose heads are asked for in one call. */
const HEADS_MAX = 1_000;

export interface DeliverOptions extends Omit<DeliveryOptions, "failovers"> {
  /** The backends' reach. */
  readonly topology: Topology;
  readonly membership: Pick<Membership, "live">;
  readonly tracing: Pick<Tracing, "root" | "next">;
  /** Of every bot of this pod it is known who writes, under its present incarnation. Said again and again. */
  onSettled(): void;
}

export class Deliver {
  readonly #options: DeliverOptions & DeliveryOptions;
  readonly #deliveries = new Map<BotName, BotDelivery>();
  readonly #holders: Holders;
  readonly #stop = new AbortController();
  /** The last of each tag. */
  readonly #losses = new Map<number, Loss>();
  /** Marked, and not yet compared. */
  #dirty = new Set<BotName>();
  #suspects: readonly OutboxHead[] = [];
  #looking: Promise<unknown> = Promise.resolve();

  constructor(options: DeliverOptions) {
    const failovers = new Failovers(options);
    this.#options = { ...options, failovers };
    this.#holders = new Holders({ ...options, failovers, deliveries: () => this.#deliveries.values() });
  }

  start(): void {
    this.#looking = Promise.all([this.#lookForEver(), this.#holders.lookUntil(this.#stop.signal)]);
  }

  /** Every bot is given away. Connections are still open and may finish what they write. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all([...this.#deliveries.values()].map((delivery) => delivery.stop()));
    await this.#looking;
  }

  admitted(bot: BotName, connection: WriterConnection): void {
    if (!this.#stop.signal.aborted) this.#of(bot).admitted(connection);
  }

  /** It ended, or is no longer the bot's own. */
  gone(bot: BotName, connection: WriterConnection, evidence: Evidence): void {
    this.#deliveries.get(bot)?.gone(connection, evidence);
  }

  judged(bot: BotName, connection: WriterConnection, evidence: Evidence): void {
    this.#deliveries.get(bot)?.judged(connection, evidence);
  }

  revived(bot: BotName, connection: WriterConnection): void {
    this.#deliveries.get(bot)?.revived(connection);
  }

  reborn(member: MemberId): void {
    for (const delivery of this.#deliveries.values()) delivery.reborn(member);
  }

  /** Redis may have lost what it acknowledged in these tags, or, when there are none, only who lives. */
  lost(tags: readonly number[]): void {
    const { clock, topology } = this.#options;
    const loss = { at: clock.nowMs(), monotonicMs: clock.monotonicMs() };
    this.#holders.lost();
    for (const tag of tags) this.#losses.set(tag, loss);
    for (const [bot, delivery] of this.#deliveries) if (tags.includes(tagOf(topology, bot))) delivery.lost(loss);
  }

  bots(): readonly BotName[] {
    return [...this.#deliveries.keys()];
  }

  /** The bot is given away for good: what is written is finished, and a standby elsewhere takes. */
  async handOver(bot: BotName): Promise<void> {
    await this.#deliveries.get(bot)?.stop();
  }

  #of(bot: BotName): BotDelivery {
    const known = this.#deliveries.get(bot);
    if (known !== undefined) return known;
    const made: BotDelivery = new BotDelivery(bot, this.#options, {
      onHolder: (member) => this.#holders.met(member),
      onAbsent: () => {
        if (this.#deliveries.get(bot) === made) this.#deliveries.delete(bot);
      },
    });
    this.#deliveries.set(bot, made);
    const loss = this.#losses.get(tagOf(this.#options.topology, bot));
    if (loss !== undefined) made.lost(loss);
    return made;
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
        for (const [bot, delivery] of this.#deliveries) if (delivery.reign !== null) this.#dirty.add(bot);
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
    const bots = [...this.#dirty].filter((bot) => this.#deliveries.get(bot)?.reign);
    const heads: OutboxHead[] = [];
    for (let i = 0; i < bots.length; i += HEADS_MAX) heads.push(...(await this.#heads(bots.slice(i, i + HEADS_MAX))));
    this.#dirty = new Set(heads.filter(({ paused }) => paused).map(({ bot }) => bot));
    this.#suspects = heads.filter((head) => this.#deliveries.get(head.bot)?.isBehind(head));
  }

  /** The channel's word of a pause or a release may have been missed; what it says while this is asked is newer. */
  async #heads(bots: readonly BotName[]): Promise<readonly OutboxHead[]> {
    const before = new Set(bots.filter((bot) => this.#deliveries.get(bot)?.reign?.isPaused));
    const heads = await this.#options.outbox.heads(bots);
    for (const { bot, paused } of heads) {
      if (paused !== before.has(bot)) this.#deliveries.get(bot)?.reign?.setPaused(paused);
    }
    return heads;
  }
}
