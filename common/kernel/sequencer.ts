/**
 * In order per key, side by side across keys. A key's next task starts when the previous one settled; a key without
 * tasks holds no memory. The bound is the caller's: it looks at `size` before adding (ADR 0003).
 */
export class Sequencer {
  readonly #tails = new Map<string, Promise<void>>();
  #size = 0;

  /** Tasks added and not yet settled. */
  get size(): number {
    return this.#size;
  }

  /** A failed task does not stop its key: order is kept, its error goes to its own caller. */
  add<T>(key: string, task: () => Promise<T>): Promise<T> {
    this.#size++;
    const before = this.#tails.get(key);
    const run = before === undefined ? task() : before.then(task);
    const settled = (): void => this.#settled(key, tail);
    const tail: Promise<void> = run.then(settled, settled);
    this.#tails.set(key, tail);
    return run;
  }

  #settled(key: string, tail: Promise<void>): void {
    this.#size--;
    if (this.#tails.get(key) === tail) this.#tails.delete(key);
  }
}
