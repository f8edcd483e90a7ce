/** One outbox call per tag of the backends' reach at a time; decisions made meanwhile, of whatever lanes, share the next one. */
import { limits } from "#common/contract/limits.ts";
import type { Clock } from "#common/kernel/clock.ts";
import { Gather } from "#common/kernel/gather.ts";
import type { Random } from "#common/kernel/random.ts";
import type { EnqueueOutcome, OutboxDecision, OutboxWriter } from "#common/ports/outbox.ts";

export class OutboxCalls {
  readonly #gathers: readonly Gather<OutboxDecision, EnqueueOutcome>[];
  readonly #tagOf: (bot: string) => number;

  constructor(options: {
    readonly outbox: OutboxWriter;
    readonly tags: number;
    readonly tagOf: (bot: string) => number;
    readonly clock: Clock;
    readonly random: Random;
  }) {
    const { outbox, tags, tagOf, clock, random } = options;
    this.#tagOf = tagOf;
    this.#gathers = Array.from(
      { length: tags },
      () =>
        new Gather<OutboxDecision, EnqueueOutcome>({
          itemsMax: limits.decisionsPerCallMax,
          bytesMax: limits.commitBytesMax,
          clock,
          random,
          send: (decisions) => outbox.enqueue(decisions),
        }),
    );
  }

  enqueue(decision: OutboxDecision): Promise<EnqueueOutcome> {
    const bytes = decision.actions.reduce((sum, action) => sum + action.length, 64);
    return (this.#gathers[this.#tagOf(decision.bot)] as Gather<OutboxDecision, EnqueueOutcome>).add(decision, bytes);
  }

  close(): void {
    for (const gather of this.#gathers) gather.close();
  }
}
