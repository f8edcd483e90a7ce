import { limits } from "#common/contract/limits.ts";
import type { Clock } from "#common/kernel/clock.ts";
import type { Metrics } from "#common/observe/metrics.ts";

/**
 * When the pod itself stood still its timers are late first and its sockets are read after them: what was said in time
 * still waits in the kernel then. So the end is looked at once more, when they have been read.
 */
const LAST_LOOK_MS = 100;

/** The time that a connection has to say who it is, and how long it took. */
export class HandshakeTime {
  readonly #clock: Clock;
  readonly #metrics: Pick<Metrics, "handshakeSeconds">;
  readonly #onOver: () => void;
  readonly #openedAtMs: number;
  #cancel: () => void = () => {};

  constructor({ clock, metrics }: { readonly clock: Clock; readonly metrics: Metrics }, onOver: () => void) {
    this.#clock = clock;
    this.#metrics = metrics;
    this.#onOver = onOver;
    this.#openedAtMs = clock.monotonicMs();
  }

  /** Of the connection, since it was accepted. */
  get ageSeconds(): number {
    return (this.#clock.monotonicMs() - this.#openedAtMs) / 1_000;
  }

  /** From now on, all of it. */
  start(): void {
    this.#cancel();
    this.#cancel = this.#clock.after(limits.handshakeMsMax, () => {
      this.#cancel = this.#clock.after(LAST_LOOK_MS, this.#onOver);
    });
  }

  stop(result: "ok" | "refused"): void {
    this.#cancel();
    this.#metrics.handshakeSeconds.observe(this.ageSeconds, { result });
  }
}
