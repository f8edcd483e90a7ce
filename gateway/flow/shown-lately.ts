/**
 * What this pod showed for a bot in the last quarter of a minute, by action id. A Redis that went back, or a worker that
 * replays, offers some of it again under other sequences: what was confirmed is then passed over, and what was written
 * without a confirmation is in doubt, though no tenure says so.
 *
 * Two halves of `shownLatelyMs` each, so that forgetting costs nothing per action. Not promised: more than
 * `shownLatelyMax` of either half.
 */
import { limits } from "#common/contract/limits.ts";
import type { Clock } from "#common/kernel/clock.ts";

export type Shown = "confirmed" | "unconfirmed";

export class ShownLately {
  readonly #clock: Clock;
  /** Made when there is something to remember: most bots are idle. */
  #now: Map<string, Shown> | undefined;
  #before: Map<string, Shown> | undefined;
  #sinceMs = 0;
  #sureFrom = 0;
  #nowFrom = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What was asked for from then on, and is not known here, was not shown. Epoch ms. */
  get sureFrom(): number {
    return this.#sureFrom;
  }

  /** Before it somebody else showed. */
  begin(at: number): void {
    this.#sureFrom = at;
  }

  note(action: string, shown: Shown): void {
    const nowMs = this.#clock.monotonicMs();
    const apartMs = nowMs - this.#sinceMs;
    if (this.#now === undefined || apartMs >= limits.shownLatelyMs || this.#now.size >= limits.shownLatelyMax) {
      const at = this.#clock.nowMs();
      const isOld = apartMs >= 2 * limits.shownLatelyMs;
      const forgotten = isOld ? this.#now : this.#before;
      if (forgotten !== undefined) this.#sureFrom = Math.max(this.#sureFrom, isOld ? at : this.#nowFrom);
      this.#nowFrom = at;
      this.#before = isOld ? undefined : this.#now;
      this.#now = new Map();
      this.#sinceMs = nowMs;
    }
    this.#now.set(action, shown);
  }

  of(action: string): Shown | undefined {
    return this.#now?.get(action) ?? this.#before?.get(action);
  }
}
