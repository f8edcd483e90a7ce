/** Parts of a pod start in order and stop in reverse, each with a deadline of its own. */
import { type Clock, pause } from "./clock.ts";
import { MoaError } from "./errors.ts";

/** Of a part that says nothing else. */
export const STOP_MS_MAX = 3_000;

export interface Part {
  readonly name: string;
  start?(): Promise<void>;
  /** Safe to call once after a start that succeeded. */
  stop?(): Promise<void>;
  readonly stopMsMax?: number;
}

export class Lifecycle {
  readonly #clock: Clock;
  readonly #onStuck: (part: string, error: unknown) => void;
  #started: Part[] = [];
  #stopping: Promise<void> | undefined;

  /** @param onStuck told of a part that failed to stop or passed its deadline; the others are stopped all the same */
  constructor(clock: Clock, onStuck: (part: string, error: unknown) => void) {
    this.#clock = clock;
    this.#onStuck = onStuck;
  }

  /** Starts the parts in order. When one fails, those already started are stopped and its error is thrown. */
  async start(parts: readonly Part[]): Promise<void> {
    for (const part of parts) {
      try {
        await part.start?.();
        this.#started.push(part);
      } catch (error) {
        await this.stop();
        throw error;
      }
    }
  }

  /** Stops in reverse. Calling it again waits for the same stop. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  async #stopAll(): Promise<void> {
    for (const part of this.#started.toReversed()) {
      try {
        await within(
          this.#clock,
          part.stopMsMax ?? STOP_MS_MAX,
          `stop of ${part.name}`,
          part.stop?.() ?? Promise.resolve(),
        );
      } catch (error) {
        this.#onStuck(part.name, error);
      }
    }
    this.#started = [];
  }
}

/**
 * Settles as `work` does, or rejects with deadline_passed. The work itself is not stopped: its owner must bound it.
 * @throws MoaError deadline_passed
 */
export async function within<T>(clock: Clock, ms: number, what: string, work: Promise<T>): Promise<T> {
  const done = new AbortController();
  const late = pause(clock, ms, done.signal).then(() => {
    if (done.signal.aborted) return new Promise<never>(() => {});
    throw new MoaError("deadline_passed", `${what} took longer than ${ms} ms`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    done.abort();
  }
}
