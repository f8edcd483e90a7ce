import type { Metrics } from "#common/observe/metrics.ts";

/**
 * Why a connection is not read: its bot's quota, its own unappended events, the pod's ring, its approval, a
 * flood, tenures that are not settled after a lapse of the pod's life.
 */
export type Hold = "quota" | "unappended" | "ring" | "approval" | "flood" | "tenure";

/** Each reason to hold is given and taken back by its own holder; all together count as one socket that is paused. */
export class Holds {
  readonly #metrics: Pick<Metrics, "socketsPaused">;
  readonly #reasons = new Set<Hold>();

  constructor(metrics: Pick<Metrics, "socketsPaused">) {
    this.#metrics = metrics;
  }

  get any(): boolean {
    return this.#reasons.size > 0;
  }

  has(why: Hold): boolean {
    return this.#reasons.has(why);
  }

  /** True when it is the first. */
  add(why: Hold): boolean {
    const isFirst = !this.any;
    this.#reasons.add(why);
    if (isFirst) this.#metrics.socketsPaused.inc(1);
    return isFirst;
  }

  /** True when it was the last. */
  delete(why: Hold): boolean {
    if (!this.#reasons.delete(why) || this.any) return false;
    this.#metrics.socketsPaused.inc(-1);
    return true;
  }

  clear(): void {
    for (const why of this.#reasons) this.delete(why);
  }
}
