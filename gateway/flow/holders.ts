/**
 * The look, twice a second, at the bots that another pod writes for while somebody stands by here: one call says which
 * pods live. What it does not find is a vacancy that nobody heard of, so a few of them are asked for each time in turn.
 *
 * A holder is judged only if it was known before the call was made: one that was met later may have joined later. A key
 * of life never comes back, so that who was found dead once is dead.
 */
import type { MemberId } from "#common/contract/ids.ts";
import { limits } from "#common/contract/limits.ts";
import { type Clock, pause } from "#common/kernel/clock.ts";
import type { Log } from "#common/observe/logger.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import type { Membership } from "#common/ports/membership.ts";
import type { Failovers } from "#gateway/writers/failover.ts";
import type { BotDelivery } from "./bot-delivery.ts";

const DEAD_MAX = 1_000;
/** Looks within that time are one: a storm of phones meets the same holder. */
const HURRY_MS = 50;

export interface HoldersOptions {
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, "registeredBots" | "writerlessBots">;
  readonly log: Log;
  readonly membership: Pick<Membership, "live">;
  readonly failovers: Pick<Failovers, "sweep">;
  deliveries(): Iterable<BotDelivery>;
  onSettled(): void;
}

export class Holders {
  readonly #options: HoldersOptions;
  readonly #dead = new Set<MemberId>();
  #live: ReadonlySet<MemberId> = new Set();
  #hurry = new AbortController();
  /** Until then a key of life that is not there may have been lost. Monotonic. */
  #judgesFromMs = Number.NEGATIVE_INFINITY;
  /** Where asking goes on, and when it began from the front. */
  #asked = 0;
  #askedMs = Number.NEGATIVE_INFINITY;
  readonly #isDead = (member: MemberId) => this.#dead.has(member);

  constructor(options: HoldersOptions) {
    this.#options = options;
  }

  /** A holder of whom it is not known that he lived a moment ago is looked at soon. */
  met(member: MemberId): void {
    if (!this.#live.has(member)) this.#hurry.abort();
  }

  /** Redis may have lost who lives: who does renews it, or finds out and stops, within a life. */
  lost(): void {
    this.#judgesFromMs = this.#options.clock.monotonicMs() + limits.lifeMs;
  }

  async lookUntil(stop: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    stop.addEventListener("abort", () => this.#hurry.abort());
    while (!stop.aborted) {
      await pause(clock, HURRY_MS, stop);
      await pause(clock, limits.writersLookEveryMs - HURRY_MS, this.#hurry.signal);
      if (stop.aborted) return;
      this.#hurry = new AbortController();
      try {
        await this.#look();
      } catch (error) {
        log.debug({ err: error }, "the look at the bots' holders failed");
      }
    }
  }

  async #look(): Promise<void> {
    const holders = new Set<MemberId>();
    for (const { state } of this.#options.deliveries()) {
      if (state.place.kind === "elsewhere" && state.place.holder !== null) holders.add(state.place.holder.member);
    }
    if (holders.size > 0) await this.#bury(holders);
    this.#tell();
    this.#options.failovers.sweep(this.#options.clock.nowMs());
  }

  async #bury(holders: ReadonlySet<MemberId>): Promise<void> {
    const { clock, membership } = this.#options;
    this.#live = new Set(await membership.live("gateway"));
    if (clock.monotonicMs() < this.#judgesFromMs) return;
    for (const member of holders) if (!this.#live.has(member)) this.#dead.add(member);
    for (const member of this.#dead) if (this.#dead.size > DEAD_MAX) this.#dead.delete(member);
  }

  #tell(): void {
    const { metrics, deliveries, onSettled } = this.#options;
    const [from, to] = this.#toAsk();
    let [bots, standbys, writerless, isSettled] = [0, 0, 0, true];
    for (const delivery of deliveries()) {
      bots++;
      const { place } = delivery.state;
      const isStandby = place.kind === "elsewhere";
      if (isStandby) standbys++;
      delivery.looked(this.#isDead, isStandby && standbys > from && standbys <= to);
      if (place.kind !== "ours" && !(isStandby && !place.dead)) writerless++;
      if (!delivery.isSettled) isSettled = false;
    }
    if (standbys <= to) this.#asked = 0;
    metrics.registeredBots.set(bots);
    metrics.writerlessBots.set(writerless);
    if (isSettled) onSettled();
  }

  /** Which of the standbys are asked for this time; all of them within a round of at least `standbyRoundMsMin`. */
  #toAsk(): readonly [from: number, to: number] {
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#asked === 0 && nowMs - this.#askedMs < limits.standbyRoundMsMin) return [0, 0];
    if (this.#asked === 0) this.#askedMs = nowMs;
    const from = this.#asked;
    this.#asked += limits.standbysAskedPerLook;
    return [from, this.#asked];
  }
}
