/**
 * Work that is due whenever it is asked for: one run at a time, tried until one that began after the last time it was
 * asked for has succeeded.
 *
 *   done ──ask──> running ──ok, nobody asked meanwhile──> done
 *                  ^  │ failed: back-off; asked meanwhile: at once
 *                  └──┘
 */
import { backoffMs } from "./backoff.ts";
import { type Clock, pause } from "./clock.ts";
import type { Random } from "./random.ts";

export interface DueOptions {
  readonly clock: Clock;
  readonly random: Random;
  work(): Promise<void>;
  /** Each time it failed, before the back-off. */
  onFailed(error: unknown, failures: number): void;
}

export class Due {
  readonly #options: DueOptions;
  readonly #stop = new AbortController();
  #asked = 0;
  #running: Promise<void> | null = null;

  constructor(options: DueOptions) {
    this.#options = options;
  }

  /** Null when nothing is due. Never rejects; resolves when it is done, or closed. */
  get running(): Promise<void> | null {
    return this.#running;
  }

  ask(): Promise<void> {
    this.#asked++;
    this.#running ??= this.#untilDone();
    return this.#running;
  }

  /** What runs ends by itself, and is not tried again. */
  close(): void {
    this.#stop.abort();
  }

  async #untilDone(): Promise<void> {
    const { clock, random, work, onFailed } = this.#options;
    let done = 0;
    for (let failures = 0; done < this.#asked && !this.#stop.signal.aborted; ) {
      const asked = this.#asked;
      try {
        await work();
        done = asked;
      } catch (error) {
        onFailed(error, ++failures);
        await pause(clock, backoffMs(failures - 1, random), this.#stop.signal);
      }
    }
    this.#running = null;
  }
}
