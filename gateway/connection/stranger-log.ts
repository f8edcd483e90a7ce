import { limits } from "#common/contract/limits.ts";
import type { Clock } from "#common/kernel/clock.ts";

/**
 * Whose end is worth a log line among those that never said who they are. Metrics count them all; a line each would let
 * a crowd of them fill the disk, and cost the pod more than refusing them does.
 */
export class StrangerLog {
  readonly #clock: Pick<Clock, "monotonicMs">;
  #sinceMs = Number.NEGATIVE_INFINITY;
  #told = 0;
  #untold = 0;

  constructor(clock: Pick<Clock, "monotonicMs">) {
    this.#clock = clock;
  }

  /** null: not this one. Else how many were left out since the last that was told. */
  tell(): number | null {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#sinceMs >= 1_000) {
      this.#sinceMs = nowMs;
      this.#told = 0;
    }
    if (this.#told >= limits.strangersLoggedPerSecondMax) {
      this.#untold++;
      return null;
    }
    this.#told++;
    const untold = this.#untold;
    this.#untold = 0;
    return untold;
  }
}
