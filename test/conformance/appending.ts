/** Appends to one lane for ever, as a gateway does: in order, each again under its number until it is acknowledged. */
import type { Backends } from "#common/backends/backends.ts";
import { systemClock } from "#common/backends/system/clock.ts";
import { pause } from "#common/kernel/clock.ts";

/** What happened, in order. */
export type Happening =
  | { readonly kind: "ack"; readonly event: string; readonly atMs: number }
  | { readonly kind: "failure"; readonly code: string; readonly tookMs: number }
  | { readonly kind: "loss"; readonly shards: readonly number[]; readonly tags: readonly number[] };

/** From one call to the next: so many are enough to be under way whenever something happens. */
const PACE_MS = 5;

export class Appending {
  readonly happenings: Happening[] = [];
  readonly #ended: Promise<void>;
  readonly #over = new AbortController();
  readonly #clock = systemClock();
  #from = 0;

  constructor(pod: Backends, lane: number) {
    pod.onLoss((shards, tags) => this.happenings.push({ kind: "loss", shards, tags }));
    this.#ended = this.#run(pod, lane);
  }

  get acks() {
    return this.happenings.filter((one) => one.kind === "ack");
  }

  /** From here on; its first calls may have met a connection that was being made. */
  begin(): void {
    this.#from = this.happenings.length;
  }

  get failures() {
    return this.happenings.slice(this.#from).filter((one) => one.kind === "failure");
  }

  get losses() {
    return this.happenings.filter((one) => one.kind === "loss");
  }

  /** What came since the first failure, up to the first acknowledgement after it. */
  get recovery(): readonly Happening[] {
    const from = this.happenings.findIndex(({ kind }, i) => i >= this.#from && kind === "failure");
    const to = this.happenings.findIndex(({ kind }, i) => i > from && kind === "ack");
    return this.happenings.slice(from, to + 1);
  }

  async end(): Promise<void> {
    this.#over.abort();
    await this.#ended;
  }

  async #run(pod: Backends, lane: number): Promise<void> {
    for (let number = 1; !this.#over.signal.aborted; ) {
      if (await this.#append(pod, { lane, by: "g.1", number, events: [`e${number}`] })) number++;
      await pause(this.#clock, PACE_MS, this.#over.signal);
    }
  }

  async #append(pod: Backends, append: Parameters<Backends["appender"]["append"]>[0]): Promise<boolean> {
    const startMs = performance.now();
    try {
      await pod.appender.append(append);
      this.happenings.push({ kind: "ack", event: append.events[0] as string, atMs: performance.now() });
      return true;
    } catch (error) {
      const code = (error as { code?: string }).code ?? String(error);
      this.happenings.push({ kind: "failure", code, tookMs: performance.now() - startMs });
      return false;
    }
  }
}
