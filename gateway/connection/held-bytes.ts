/**
 * What the pod's connections have sent and it cannot use yet: lines without their end, and what waits for a handshake.
 * Each connection may hold little for the pod and much for itself, so that a long line gets through; together they are
 * bounded by ending the one that holds most. Not the one that sends next: it may be a phone with an ordinary line.
 */
import { limits } from "#common/contract/limits.ts";
import type { Metrics } from "#common/observe/metrics.ts";

export interface Holder {
  close(reason: "held_bytes"): void;
}

export class HeldBytes {
  readonly #metrics: Pick<Metrics, "heldBytes">;
  /** Those that hold something. */
  readonly #holders = new Map<Holder, number>();
  #sum = 0;

  constructor(metrics: Pick<Metrics, "heldBytes">) {
    this.#metrics = metrics;
  }

  /** @param bytes all that it holds now; 0 when it ended */
  set(holder: Holder, bytes: number): void {
    const by = bytes - (this.#holders.get(holder) ?? 0);
    if (by === 0) return;
    if (bytes === 0) this.#holders.delete(holder);
    else this.#holders.set(holder, bytes);
    this.#sum += by;
    this.#metrics.heldBytes.inc(by);
    if (this.#sum > limits.heldBytesMax) this.#largest()?.close("held_bytes");
  }

  #largest(): Holder | undefined {
    let most = 0;
    let largest: Holder | undefined;
    for (const [holder, bytes] of this.#holders) {
      if (bytes <= most) continue;
      most = bytes;
      largest = holder;
    }
    return largest;
  }
}
