/**
 * Ring: what was done lately, so that it can be done again where it was lost. References, not copies; nothing runs by a
 * timer: the old leaves when the new comes.
 *
 *   | left | older than keptMs, or beyond bytesMax | ... recent ... | <- put
 *
 * While it is pinned nothing leaves: what is being done again must not go because of what others put meanwhile.
 */
import type { Clock } from "./clock.ts";

export interface RingOptions {
  readonly clock: Clock;
  readonly keptMs: number;
  readonly bytesMax: number;
  /** How much shorter than `keptMs` the ring is, told when bytes cut it and when it is whole again. */
  onShort(ms: number): void;
}

interface Slot<T> {
  readonly value: T;
  readonly bytes: number;
  atMs: number;
}

/** Empty places at the front before the array is moved up: to move it for each would cost more than it saves. */
const EMPTY_MAX = 1_024;

export class Ring<T> {
  readonly #options: RingOptions;
  #slots: (Slot<T> | undefined)[] = [];
  #first = 0;
  #bytes = 0;
  #pins = 0;
  #isShort = false;

  constructor(options: RingOptions) {
    this.#options = options;
  }

  get bytes(): number {
    return this.#bytes;
  }

  put(value: T, bytes: number): void {
    this.#slots.push({ value, bytes, atMs: this.#options.clock.monotonicMs() });
    this.#bytes += bytes;
    if (this.#pins === 0) this.#trim();
  }

  /** Those put or renewed within `maxAgeMs`, in the order in which they were put. */
  recent(maxAgeMs: number): readonly T[] {
    const sinceMs = this.#options.clock.monotonicMs() - maxAgeMs;
    const found: T[] = [];
    for (const slot of this.#slots) if (slot !== undefined && slot.atMs >= sinceMs) found.push(slot.value);
    return found;
  }

  /** What was done again may be lost again: it is as if it was put now, in its old place. */
  renew(values: ReadonlySet<T>): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const slot of this.#slots) if (slot !== undefined && values.has(slot.value)) slot.atMs = nowMs;
  }

  pin(): void {
    this.#pins++;
  }

  unpin(): void {
    this.#pins--;
  }

  #trim(): void {
    const { clock, keptMs, bytesMax, onShort } = this.#options;
    const nowMs = clock.monotonicMs();
    let left: "old" | "cut" | null = null;
    let slot = this.#slots[this.#first];
    while (slot !== undefined && (nowMs - slot.atMs > keptMs || this.#bytes > bytesMax)) {
      left = nowMs - slot.atMs > keptMs ? "old" : "cut";
      this.#bytes -= slot.bytes;
      this.#slots[this.#first++] = undefined;
      slot = this.#slots[this.#first];
    }
    if (left === "cut" || (left === "old" && this.#isShort)) {
      this.#isShort = left === "cut";
      onShort(this.#isShort ? keptMs - (slot === undefined ? 0 : nowMs - slot.atMs) : 0);
    }
    if (this.#first < EMPTY_MAX || this.#first * 2 < this.#slots.length) return;
    this.#slots = this.#slots.slice(this.#first);
    this.#first = 0;
  }
}
