/**
 * Carries out one step after another for as long as there is a next one. What fails is looked at anew after a back-off:
 * what is wanted may be another thing by then. After a stop each thing is tried once.
 */
import { backoffMs } from "#common/kernel/backoff.ts";
import { type Clock, pause } from "#common/kernel/clock.ts";
import type { Random } from "#common/kernel/random.ts";

export interface StepOwner<Step> {
  /** What is to be done now; null when there is nothing until something happens. */
  next(): Step | null;
  carryOut(step: Step): Promise<void>;
  failed(step: Step, error: unknown, attempt: number): void;
  /** There is nothing more to do for now. */
  idle(): void;
}

export class StepLoop<Step> {
  readonly #owner: StepOwner<Step>;
  readonly #options: { readonly clock: Clock; readonly random: Random };
  readonly #stop = new AbortController();
  #working: Promise<void> | undefined;

  constructor(owner: StepOwner<Step>, options: { readonly clock: Clock; readonly random: Random }) {
    this.#owner = owner;
    this.#options = options;
  }

  wake(): void {
    this.#working ??= this.#work();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#working;
  }

  async #work(): Promise<void> {
    const owner = this.#owner;
    // Not within the caller's turn: it may be in the middle of changing what the loop looks at.
    await undefined;
    for (let attempt = 0, step = owner.next(); step !== null; step = owner.next()) {
      try {
        await owner.carryOut(step);
        attempt = 0;
      } catch (error) {
        owner.failed(step, error, attempt);
        if (this.#stop.signal.aborted) break;
        await pause(this.#options.clock, backoffMs(attempt++, this.#options.random), this.#stop.signal);
      }
    }
    this.#working = undefined;
    owner.idle();
  }
}
