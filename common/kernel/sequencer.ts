/**
 * In order per key, side by side across keys. A key's next task starts when the previous one settled; a key without
 * tasks holds no memory, and a task that is done at once makes no promise: most of a worker's are. The bound is the
 * caller's, who knows what he adds (ADR 0003).
 */
export class Sequencer {
  readonly #tails = new Map<string, Promise<void>>();

  /**
   * Runs the task now or after its key's last one. Undefined when it was done at once; else settles as the task does. A
   * failed task does not stop its key: order is kept, its error goes to its own caller.
   */
  add(key: string, task: () => Promise<void> | undefined): Promise<void> | undefined {
    const before = this.#tails.get(key);
    const run = before === undefined ? task() : before.then(task);
    if (run === undefined) return undefined;
    const forget = (): void => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    };
    const tail: Promise<void> = run.then(forget, forget);
    this.#tails.set(key, tail);
    return run;
  }
}
