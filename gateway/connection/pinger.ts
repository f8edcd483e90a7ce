/**
 * Pings one connection and measures the echo. The first ping comes after a random part of the period, so that pods that
 * took over a fleet at once do not ping it at once. What a missing echo means is judged elsewhere (writers/liveness).
 */
import { limits } from "#common/contract/limits.ts";
import type { Clock } from "#common/kernel/clock.ts";
import type { Random } from "#common/kernel/random.ts";

export interface PingerOptions {
  readonly clock: Clock;
  readonly random: Random;
  ping(token: string): void;
}

export class Pinger {
  readonly #options: PingerOptions;
  /** Names this connection: a phone sends an echo that failed again on its next connection. */
  readonly #nonce: string;
  #count = 0;
  #sentAtMs = 0;
  #isAnswered = true;
  #cancel: (() => void) | undefined;

  constructor(options: PingerOptions) {
    this.#options = options;
    this.#nonce = options.random.hex(8);
  }

  start({ atOnce }: { readonly atOnce: boolean }): void {
    this.#after(atOnce ? 0 : 1 + Math.floor(this.#options.random.next() * limits.pingEveryMs));
  }

  stop(): void {
    this.#cancel?.();
  }

  /** Round trip of the newest ping in seconds; null when the token is any other, or came before. */
  echoed(token: string): number | null {
    if (this.#isAnswered || token !== this.#token()) return null;
    this.#isAnswered = true;
    return (this.#options.clock.monotonicMs() - this.#sentAtMs) / 1_000;
  }

  #after(ms: number): void {
    this.#cancel = this.#options.clock.after(ms, () => {
      this.#count++;
      this.#isAnswered = false;
      this.#sentAtMs = this.#options.clock.monotonicMs();
      this.#options.ping(this.#token());
      this.#after(limits.pingEveryMs);
    });
  }

  #token(): string {
    return `${this.#nonce}.${this.#count}`;
  }
}
