/**
 * What this pod showed for a bot in the last quarter of a minute, by action id. A Redis that went back, or a worker that
 * replays, offers some of it again under other sequences: what was confirmed is then passed over, and what was written
 * without a confirmation is in doubt, though no tenure says so.
 *
 * Two halves of `shownLatelyMs` each, so that forgetting costs nothing per action. Not promised: more than
 * `shownLatelyMax` of either half.
 */
import { digestOfAction } from "#common/contract/ids.ts";
import { limits } from "#common/contract/limits.ts";
import type { Clock } from "#common/kernel/clock.ts";
import { DigestSet } from "#common/kernel/digest-set.ts";

export type Shown = "confirmed" | "unconfirmed";

type Half = Readonly<Record<Shown, DigestSet>>;

export class ShownLately {
  readonly #clock: Clock;
  /** Made when there is something to remember: most bots are idle. */
  #now: Half | undefined;
  #before: Half | undefined;
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
    if (this.#now === undefined || apartMs >= limits.shownLatelyMs || sizeOf(this.#now) >= limits.shownLatelyMax) {
      const at = this.#clock.nowMs();
      const isOld = apartMs >= 2 * limits.shownLatelyMs;
      const forgotten = isOld ? this.#now : this.#before;
      if (forgotten !== undefined) this.#sureFrom = Math.max(this.#sureFrom, isOld ? at : this.#nowFrom);
      this.#nowFrom = at;
      this.#before = isOld ? undefined : this.#now;
      this.#now = { confirmed: new DigestSet(), unconfirmed: new DigestSet() };
      this.#sinceMs = nowMs;
    }
    this.#now[shown].add(digestOfAction(action));
  }

  of(action: string): Shown | undefined {
    if (this.#now === undefined) return undefined;
    const digest = digestOfAction(action);
    const has = (shown: Shown) => this.#now?.[shown].has(digest) || this.#before?.[shown].has(digest);
    if (has("confirmed")) return "confirmed";
    return has("unconfirmed") ? "unconfirmed" : undefined;
  }
}

function sizeOf({ confirmed, unconfirmed }: Half): number {
  return confirmed.size + unconfirmed.size;
}
