/**
 * Confirmations on their way to the outboxes, one gather per tag. A confirmation waits a short window first, so that
 * those of many bots share a call: nobody waits for them, they only trim.
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
  readonly #gathers: readonly Gather<Confirmation, void>[];
  readonly #windows = new Map<number, Promise<void>>();

  constructor(options: ConfirmerOptions) {
    const { topology, outbox, clock, random } = options;
    this.#options = options;
    this.#gathers = Array.from(
      { length: topology.tags },
      () =>
        new Gather<Confirmation, void>({
          itemsMax: limits.decisionsPerCallMax,
          bytesMax: Number.POSITIVE_INFINITY,
          clock,
          random,
          async send(confirmations) {
            await outbox.confirm(confirmations);
            return confirmations.map((): void => undefined);
          },
        }),
    );
  }

  /** Resolves when the store has it. Rejects when closed before. */
  async confirm(confirmation: Confirmation): Promise<void> {
    const tag = tagOf(this.#options.topology, confirmation.bot);
    await this.#window(tag);
    await (this.#gathers[tag] as Gather<Confirmation, void>).add(confirmation, 0);
  }

  close(): void {
    for (const gather of this.#gathers) gather.close();
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
