/**
 * How much each key may do: the generic cell rate algorithm, which needs one number a key, the time at which the key
 * would be even again. A key that is even is the same as one never seen, so memory holds only the busy ones; beyond
 * `keysMax` the longest known are forgotten and begin with a fresh burst.
 *
 *     even ─────────── now ──── busyUntil of the key ──────── now + burst
 *                       within its quota                          │ over it
 */
export interface QuotaOptions {
  readonly perSecond: number;
  /** How many may come at once. */
  readonly burst: number;
  readonly keysMax: number;
}

/** Sums of fractions are off by a little: without it one first take in seventeen was refused. Below any `everyMs`. */
const ROUNDING_MS = 1e-4;

export class Quota {
  readonly #everyMs: number;
  readonly #burstMs: number;
  readonly #keysMax: number;
  readonly #busyUntilMs = new Map<string, number>();

  constructor({ perSecond, burst, keysMax }: QuotaOptions) {
    this.#everyMs = 1_000 / perSecond;
    this.#burstMs = burst * this.#everyMs;
    this.#keysMax = keysMax;
  }

  /** Takes one if the key has one. */
  tryTake(key: string, nowMs: number): boolean {
    const busyUntilMs = this.#next(key, nowMs);
    if (busyUntilMs - nowMs > this.#burstMs + ROUNDING_MS) return false;
    this.#set(key, busyUntilMs, nowMs);
    return true;
  }

  /** Takes one in any case. */
  take(key: string, nowMs: number): void {
    this.#set(key, this.#next(key, nowMs), nowMs);
  }

  /** Ms after which the key is within its quota again: 0 when it is. */
  overdueMs(key: string, nowMs: number): number {
    return Math.max(0, (this.#busyUntilMs.get(key) ?? 0) - nowMs - this.#burstMs);
  }

  #next(key: string, nowMs: number): number {
    return Math.max(this.#busyUntilMs.get(key) ?? 0, nowMs) + this.#everyMs;
  }

  #set(key: string, busyUntilMs: number, nowMs: number): void {
    this.#busyUntilMs.set(key, busyUntilMs);
    if (this.#busyUntilMs.size > this.#keysMax) this.#forget(nowMs);
  }

  /** Drops who is even, then the oldest down to nine tenths, so that the sweep is rare. */
  #forget(nowMs: number): void {
    for (const [key, busyUntilMs] of this.#busyUntilMs) if (busyUntilMs <= nowMs) this.#busyUntilMs.delete(key);
    for (const key of this.#busyUntilMs.keys()) {
      if (this.#busyUntilMs.size <= this.#keysMax * 0.9) return;
      this.#busyUntilMs.delete(key);
    }
  }
}
