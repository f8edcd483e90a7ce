/**
 * The events handled in the last `seenBuckets` buckets of time, in the owner's memory; Redis has the same for the next
 * owner. A new bucket is begun by the clock, and the oldest dropped.
 */
import type { EventId } from "#common/contract/ids.ts";
import { limits } from "#common/contract/limits.ts";
import type { Clock } from "#common/kernel/clock.ts";
import { DigestSet } from "#common/kernel/digest-set.ts";

export class SeenEvents {
  readonly #clock: Clock;
  readonly #buckets: DigestSet[] = [new DigestSet()];
  #bucketEndsMs: number;

  /** @param known digests of former owners; kept as long as a bucket begun now */
  constructor(clock: Clock, known: readonly Uint8Array[]) {
    this.#clock = clock;
    this.#bucketEndsMs = clock.monotonicMs() + limits.seenBucketMs;
    for (const bytes of known) this.#buckets[0]?.addBytes(bytes);
  }

  has(event: EventId): boolean {
    return this.#buckets.some((bucket) => bucket.has(event));
  }

  add(event: EventId): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs >= this.#bucketEndsMs) {
      this.#bucketEndsMs = nowMs + limits.seenBucketMs;
      this.#buckets.unshift(new DigestSet());
      if (this.#buckets.length > limits.seenBuckets) this.#buckets.pop();
    }
    this.#buckets[0]?.add(event);
  }
}
