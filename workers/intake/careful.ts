import { limits } from "#common/contract/limits.ts";
import type { Clock } from "#common/kernel/clock.ts";
import { within } from "#common/kernel/lifecycle.ts";

/**
 * The careful turns of all lanes of a worker, one at a time: else the neighbour of an event that kills workers is blamed
 * with it. Alone for a while only. A turn that takes longer waits, as for a MySQL that is away, and the worker has lived
 * through it so far: the others go on, and until it is done they wait for one another no more, as they will hardly fare
 * better and every lane of the worker would stand. An event that kills after longer than that has its neighbours parked
 * with it.
 */
export class CarefulTurns {
  readonly #clock: Clock;
  #last: Promise<void> = Promise.resolve();
  #overdue = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param begin never rejects. Resolves when the next turn may begin. */
  add(begin: () => Promise<void> | undefined): Promise<void> {
    this.#last = this.#last.then(() => this.#alone(begin));
    return this.#last;
  }

  async #alone(begin: () => Promise<void> | undefined): Promise<void> {
    const turn = begin();
    if (turn === undefined || this.#overdue > 0) return;
    await within(this.#clock, limits.carefulAloneMsMax, "a careful turn", turn).catch(() => {
      this.#overdue++;
      void turn.finally(() => this.#overdue--);
    });
  }
}
