/**
 * Keeps a reign fed in sequence: pieces of the channel are the fast path, the stream is read where they leave a gap.
 * Pieces need no place while a read is under way: they only tell how far the stream goes, and it is read up to there.
 */
import type { Metrics } from "#common/observe/metrics.ts";
import type { OutboxHead, OutboxPiece } from "#common/ports/outbox.ts";

/** Why a stream is read. */
export type ReadCause = "attached" | "gap" | "dirty" | "renewed" | "generation";

/** What a feed needs of a reign. */
export interface Fed {
  readonly generation: string;
  readonly expected: number;
  take(firstSequence: number, actions: readonly string[]): void;
}

export class Feed {
  readonly #metrics: Pick<Metrics, "sequenceGaps">;
  /** The stream is to be read until it is empty; `again`: also after the read under way, whose answer may be older. */
  #mustRead = false;
  #mustReadAgain = false;
  /** As far as the stream goes for what pieces told: the sequence after the last. */
  #heard = 0;

  constructor(metrics: Pick<Metrics, "sequenceGaps">) {
    this.#metrics = metrics;
  }

  /** What comes from here on is the next reign's. */
  restart(): void {
    this.#mustRead = false;
    this.#mustReadAgain = false;
    this.#heard = 0;
  }

  /** True when the stream is to be read. */
  piece({ generation, firstSequence, actions }: OutboxPiece, reign: Fed | null): boolean {
    const end = firstSequence + actions.length;
    if (reign !== null && generation !== reign.generation) {
      this.readAgain("generation");
      return true;
    }
    const caughtUp = reign !== null && !this.isBehind(reign);
    this.#heard = Math.max(this.#heard, end);
    if (!caughtUp || end <= reign.expected) return false;
    if (firstSequence > reign.expected) this.readAgain("gap");
    else reign.take(firstSequence, actions);
    // What it had no room for is read from the stream later.
    return this.isBehind(reign);
  }

  /** Something may have been missed. */
  readAgain(cause: ReadCause): void {
    if (!this.#mustRead) this.#metrics.sequenceGaps.inc(1, { cause });
    this.#mustRead = true;
    this.#mustReadAgain = true;
  }

  /** The same of a reign that is yet to come. */
  missed(): void {
    this.#mustRead = true;
  }

  isBehind(reign: Pick<Fed, "expected">): boolean {
    return this.#mustRead || this.#heard > reign.expected;
  }

  /** Also while a read is under way: it may be older. */
  isHeadBeyond({ generation, next }: OutboxHead, reign: Fed): boolean {
    return generation !== reign.generation || next > reign.expected;
  }

  readBegins(): void {
    this.#mustRead = true;
    this.#mustReadAgain = false;
    this.#heard = 0;
  }

  readEnded(isEmpty: boolean): void {
    if (isEmpty) this.#mustRead = this.#mustReadAgain;
  }
}
