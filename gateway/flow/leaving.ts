/** The end of a reign that begins nothing more: it waits, for so long at most, until nothing more can come of what it wrote. */
import { type Clock, pause } from "#common/kernel/clock.ts";

export class Leaving {
  /** Not even what is queued leaves: the peer is given up. */
  readonly silent: boolean;
  readonly #clock: Clock;
  readonly #done = new AbortController();
  #stoppedAt: number | null;

  constructor(clock: Clock, silent: boolean) {
    this.#clock = clock;
    this.silent = silent;
    this.#stoppedAt = silent ? clock.nowMs() : null;
  }

  /** When the last write can have begun, epoch ms; null while what is queued may still leave. */
  get stoppedAt(): number | null {
    return this.#stoppedAt;
  }

  get hasStopped(): boolean {
    return this.#stoppedAt !== null;
  }

  async wait(msMax: number): Promise<void> {
    await pause(this.#clock, msMax, this.#done.signal);
    this.#stoppedAt ??= this.#clock.nowMs();
  }

  end(): void {
    this.#done.abort();
  }
}
