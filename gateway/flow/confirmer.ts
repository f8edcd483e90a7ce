/**
 * Confirmations on their way to the outboxes, one gather per tag. A confirmation waits a short window first, so that
 * those of many bots share a call: nobody waits for them, they only trim.
 *
 * After a loss of Redis what waits is given up: its sequences may be other actions' there.
 */
import { type Topology, tagOf } from "#common/contract/lanes.ts";
import { limits } from "#common/contract/limits.ts";
import { type Clock, pause } from "#common/kernel/clock.ts";
import { Gather } from "#common/kernel/gather.ts";
import type { Random } from "#common/kernel/random.ts";
import type { Confirmation, OutboxReader } from "#common/ports/outbox.ts";

export interface ConfirmerOptions {
  readonly topology: Topology;
  readonly outbox: OutboxReader;
  readonly clock: Clock;
  readonly random: Random;
}

export class Confirmer {
  readonly #options: ConfirmerOptions;
  readonly #gathers: Gather<Confirmation, boolean>[];
  readonly #windows = new Map<number, Promise<void>>();

  constructor(options: ConfirmerOptions) {
    this.#options = options;
    this.#gathers = Array.from({ length: options.topology.tags }, () => this.#open());
  }

  /** Resolves when the store has it, or with false when it is fenced. Rejects when closed or lost before. */
  async confirm(confirmation: Confirmation): Promise<boolean> {
    const tag = tagOf(this.#options.topology, confirmation.bot);
    const gather = this.#gathers[tag] as Gather<Confirmation, boolean>;
    await this.#window(tag);
    return gather.add(confirmation, 0);
  }

  /** Redis may have lost what it acknowledged in these tags. */
  lost(tags: readonly number[]): void {
    for (const tag of tags) {
      this.#gathers[tag]?.close();
      this.#gathers[tag] = this.#open();
    }
  }

  close(): void {
    for (const gather of this.#gathers) gather.close();
  }

  #open(): Gather<Confirmation, boolean> {
    const { outbox, clock, random } = this.#options;
    return new Gather({
      itemsMax: limits.decisionsPerCallMax,
      bytesMax: Number.POSITIVE_INFINITY,
      clock,
      random,
      send: (confirmations) => outbox.confirm(confirmations),
    });
  }

  #window(tag: number): Promise<void> {
    let window = this.#windows.get(tag);
    if (window === undefined) {
      window = pause(this.#options.clock, limits.confirmGatherMs).then(() => void this.#windows.delete(tag));
      this.#windows.set(tag, window);
    }
    return window;
  }
}
