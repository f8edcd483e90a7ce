/**
 * Gather: batches that tune themselves. At most one batch is in flight; what is added meanwhile is the next one. When
 * idle an item leaves at once, under load batches grow to their bounds.
 *
 *   | in flight: batch n | waiting: batch n+1, n+2, ... |
 *
 * Where nobody waits for the result, or a call costs more than a moment is worth, `holdMs` keeps a batch back for a while
 * before it leaves; a full one leaves at once, and `hurry` lets go of the one that is held.
 *
 * Each batch has a number, counted from 1. A batch that failed with an error whose outcome is `retry` is sent again as
 * it was, with the same number, after a back-off; later items wait behind it, so order survives errors and a sink that
 * remembers the last number can tell a repeat. Any other error rejects the batch's items and the gather goes on.
 * Used for lane appends, outbox calls, lane commits and confirmations.
 *
 * Not promised: a bound on what waits. Producers ask `waitingBytes` and stop adding (sockets pause, rooms wait).
 */
import { backoffMs } from "./backoff.ts";
import { type Clock, pause } from "./clock.ts";
import { MoaError } from "./errors.ts";
import type { Random } from "./random.ts";

export interface GatherOptions<Item, Result> {
  readonly itemsMax: number;
  readonly bytesMax: number;
  readonly clock: Clock;
  readonly random: Random;
  /** A batch that failed is not sent again: its items are rejected whatever the error's outcome. */
  readonly once?: true;
  /** Asked when a batch could leave: how long it shall still gather, ms. */
  holdMs?(): number;
  /** Called with 1 or more items; resolves with one result per item, in order. */
  send(items: readonly Item[], number: number): Promise<readonly Result[]>;
  /** Called before a batch is sent again. */
  onRetry?(error: MoaError, attempt: number): void;
}

/** An item and what it hears: exactly one of the two, once. Neither may throw. */
export interface Waiting<Item, Result> {
  readonly item: Item;
  readonly bytes: number;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

export class Gather<Item, Result> {
  readonly #options: GatherOptions<Item, Result>;
  readonly #stop = new AbortController();
  #waiting: Waiting<Item, Result>[] = [];
  #bytes = 0;
  #number = 0;
  #busy = false;
  #hold = new AbortController();

  constructor(options: GatherOptions<Item, Result>) {
    this.#options = options;
  }

  /** Bytes added and not yet settled, those in flight included. */
  get waitingBytes(): number {
    return this.#bytes;
  }

  /** Resolves with the item's result once its batch was sent. Rejects with a non-retry error, or when closed. */
  add(item: Item, bytes: number): Promise<Result> {
    return new Promise<Result>((resolve, reject) => this.put({ item, bytes, resolve, reject }));
  }

  /** `add` for who has thousands of items a second and an object for each anyway. */
  put(waiting: Waiting<Item, Result>): void {
    if (this.#stop.signal.aborted) {
      waiting.reject(new MoaError("deadline_passed", "gather is closed"));
      return;
    }
    this.#waiting.push(waiting);
    this.#bytes += waiting.bytes;
    if (!this.#busy) this.#start();
  }

  /** Somebody waits for what was added so far. */
  hurry(): void {
    this.#hold.abort();
  }

  /** Gives up: rejects what waits and ends the back-off. What is in flight settles by its own deadline. */
  close(): void {
    this.#stop.abort();
    this.#hold.abort();
    if (!this.#busy) this.#rejectAll();
  }

  #start(): void {
    this.#busy = true;
    // One microtask later, so that items added in the same tick share the first batch.
    queueMicrotask(() => void this.#run());
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0 && !this.#stop.signal.aborted) {
      await this.#heldBack();
      const batch = this.#take();
      const number = ++this.#number;
      try {
        const results = await this.#sendUntilSettled(batch, number);
        for (let i = 0; i < batch.length; i++) batch[i]?.resolve(results[i] as Result);
      } catch (error) {
        for (const waiting of batch) waiting.reject(error);
      }
      for (const waiting of batch) this.#bytes -= waiting.bytes;
    }
    this.#busy = false;
    if (this.#stop.signal.aborted) this.#rejectAll();
  }

  async #heldBack(): Promise<void> {
    const { clock, itemsMax, holdMs } = this.#options;
    if (holdMs === undefined) return;
    const ms = this.#waiting.length < itemsMax ? holdMs() : 0;
    if (ms > 0) await pause(clock, ms, this.#hold.signal);
    if (!this.#stop.signal.aborted) this.#hold = new AbortController();
  }

  #take(): Waiting<Item, Result>[] {
    let count = 0;
    let bytes = 0;
    for (const waiting of this.#waiting) {
      if (count > 0 && (count >= this.#options.itemsMax || bytes + waiting.bytes > this.#options.bytesMax)) break;
      count++;
      bytes += waiting.bytes;
    }
    return this.#waiting.splice(0, count);
  }

  async #sendUntilSettled(batch: readonly Waiting<Item, Result>[], number: number): Promise<readonly Result[]> {
    const { clock, random, once, send, onRetry } = this.#options;
    const items = batch.map((waiting) => waiting.item);
    for (let attempt = 0; ; attempt++) {
      try {
        return await send(items, number);
      } catch (error) {
        const again = !once && error instanceof MoaError && error.outcome === "retry" && error.code !== "fenced";
        if (!again || this.#stop.signal.aborted) throw error;
        onRetry?.(error, attempt);
        await pause(clock, backoffMs(attempt, random), this.#stop.signal);
      }
    }
  }

  #rejectAll(): void {
    const error = new MoaError("deadline_passed", "gather was closed before this item was sent");
    for (const waiting of this.#waiting) {
      this.#bytes -= waiting.bytes;
      waiting.reject(error);
    }
    this.#waiting = [];
  }
}
