/**
 * What the pod's connections have sent and it cannot use yet: lines without their end, and what waits for a handshake.
 * Each connection may hold little for the pod and much for itself, so that a long line gets through; together they are
 * bounded by ending the one that holds most. Not the one that sends next: it may be a phone with an ordinary line.
 *
 * And in time: a line has lineMsMax, and as much longer as its bytes take at lineBytesPerSecondMin. A line of 512 KiB, the
 * longest there is, then has 2 min 28 s, and its network may be as slow as 32 kbit/s; phones' own lines are half as long at
 * most, and a plan that is used up is throttled to 128 kbit/s or more. A byte now and then gets no longer than silence would.
 * One timer for the pod looks after all of them, and only while there are some.
 */
import { limits } from "#common/contract/limits.ts";
import type { Clock } from "#common/kernel/clock.ts";
import type { Metrics } from "#common/observe/metrics.ts";

export interface Holder {
  /** False while its line cannot end, because we do not read it. */
  readonly isRead: boolean;
  close(reason: "held_bytes" | "line_timeout"): void;
}

interface Held {
  bytes: number;
  /** When the line began, or we began to read it again. Monotonic ms. */
  sinceMs: number;
}

export interface HeldBytesOptions {
  readonly metrics: Pick<Metrics, "heldBytes">;
  readonly clock: Clock;
}

export class HeldBytes {
  readonly #options: HeldBytesOptions;
  /** Those that hold something. */
  readonly #holders = new Map<Holder, Held>();
  #sum = 0;
  #isWatching = false;

  constructor(options: HeldBytesOptions) {
    this.#options = options;
  }

  /**
   * @param bytes all that it holds now; 0 when it ended
   * @param isNew they are of another line than before
   */
  set(holder: Holder, bytes: number, isNew: boolean): void {
    const held = this.#holders.get(holder);
    const by = bytes - (held?.bytes ?? 0);
    if (by === 0 && (held === undefined || !isNew)) return;
    if (bytes === 0) this.#holders.delete(holder);
    else if (held === undefined) this.#begin(holder, bytes);
    else {
      held.bytes = bytes;
      if (isNew) held.sinceMs = this.#options.clock.monotonicMs();
    }
    this.#sum += by;
    this.#options.metrics.heldBytes.inc(by);
    if (this.#sum > limits.heldBytesMax) this.#largest()?.close("held_bytes");
  }

  #begin(holder: Holder, bytes: number): void {
    this.#holders.set(holder, { bytes, sinceMs: this.#options.clock.monotonicMs() });
    if (!this.#isWatching) this.#watch();
  }

  #watch(): void {
    this.#isWatching = this.#holders.size > 0;
    if (this.#isWatching) this.#options.clock.after(limits.lineCheckEveryMs, () => this.#look());
  }

  #look(): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const [holder, held] of this.#holders) {
      if (!holder.isRead) held.sinceMs = nowMs;
      const allowedMs = limits.lineMsMax + (held.bytes * 1_000) / limits.lineBytesPerSecondMin;
      if (nowMs - held.sinceMs > allowedMs) holder.close("line_timeout");
    }
    this.#watch();
  }

  #largest(): Holder | undefined {
    let most = 0;
    let largest: Holder | undefined;
    for (const [holder, { bytes }] of this.#holders) {
      if (bytes <= most) continue;
      most = bytes;
      largest = holder;
    }
    return largest;
  }
}
