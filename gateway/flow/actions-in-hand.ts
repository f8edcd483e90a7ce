/**
 * The actions that a reign has taken from the stream and not let go of, in sequence:
 *
 *   | begun: queued, written, settling, finished | waiting |        `expected`: the next to take
 *   `finishedUpTo`: let go of                    `begunBelow`: nothing at or beyond it was begun
 *
 * Bounded: what it has no room for stays in the stream, which is read again when there is room.
 */
import type { OutboundAction } from "#common/contract/envelope.ts";
import { limits } from "#common/contract/limits.ts";

export interface ActionInHand {
  readonly sequence: number;
  readonly encoded: string;
  /** queued: given to the wire. written: taken by the system. settling: needs no more showing, but more than that. */
  state: "waiting" | "queued" | "written" | "settling" | "finished";
  /** Known once it was begun, and could be read. */
  action: OutboundAction | undefined;
  /** When it was begun, epoch ms. */
  startedAt: number;
  /** Of a sampled one, once it was written. */
  written?: { readonly trace: string; readonly at: number } | undefined;
}

export class ActionsInHand {
  /** The first `#begun` of them were begun; none leaves before those ahead of it. */
  readonly #all: ActionInHand[] = [];
  #begun = 0;
  #chars = 0;
  #expected: number;
  #finishedUpTo: number;

  constructor(first: number) {
    this.#expected = first;
    this.#finishedUpTo = first - 1;
  }

  get expected(): number {
    return this.#expected;
  }

  get finishedUpTo(): number {
    return this.#finishedUpTo;
  }

  get begunBelow(): number {
    return (this.#all[this.#begun - 1]?.sequence ?? this.#finishedUpTo) + 1;
  }

  get hasBegun(): boolean {
    return this.#begun > 0;
  }

  /** Enough room to make reading the stream worth while. */
  get hasRoom(): boolean {
    return this.#all.length <= limits.actionsInHandMax / 2 && this.#chars <= limits.actionCharsInHandMax / 2;
  }

  get waiting(): ActionInHand | undefined {
    return this.#all[this.#begun];
  }

  /** Those that the peer may or may not have read. */
  get unconfirmed(): readonly ActionInHand[] {
    return this.#all.filter(isUnconfirmed);
  }

  /** The peer may have read it already, under another sequence. Within one generation only what was put back comes twice. */
  mayHaveShown({ id, again }: OutboundAction): boolean {
    return again === true && this.unconfirmed.some(({ action }) => action?.id === id);
  }

  /** Begins at `expected`. A first sequence beyond it means that what was between is gone from the stream for good. */
  take(firstSequence: number, actions: readonly string[]): void {
    this.#expected = Math.max(this.#expected, firstSequence);
    for (const encoded of actions.slice(this.#expected - firstSequence)) {
      if (this.#all.length >= limits.actionsInHandMax || this.#chars >= limits.actionCharsInHandMax) break;
      this.#all.push({ sequence: this.#expected++, encoded, state: "waiting", action: undefined, startedAt: 0 });
      this.#chars += encoded.length;
    }
  }

  begin(): ActionInHand {
    return this.#all[this.#begun++] as ActionInHand;
  }

  /** The first begun one up to the mark that the system took and nobody confirmed; none behind one that it did not take. */
  writtenUpTo(mark: number): ActionInHand | undefined {
    for (let i = 0; i < this.#begun; i++) {
      const one = this.#all[i] as ActionInHand;
      if (one.sequence > mark || one.state === "queued") return undefined;
      if (one.state === "written") return one;
    }
    return undefined;
  }

  /** Lets go of what is finished. */
  release(): void {
    while (this.#begun > 0 && this.#all[0]?.state === "finished") {
      const { sequence, encoded } = this.#all.shift() as ActionInHand;
      this.#begun--;
      this.#chars -= encoded.length;
      this.#finishedUpTo = sequence;
    }
    // What is missing before the next one is gone from the stream for good.
    if (this.#begun === 0) this.#finishedUpTo = (this.#all[0]?.sequence ?? this.#expected) - 1;
  }

  /** The first of the begun ones can be let go of. */
  get isReleasable(): boolean {
    return this.#begun > 0 && this.#all[0]?.state === "finished";
  }

  /** Gives back what waits: it is the next reign's. */
  giveBack(): void {
    for (const { encoded } of this.#all.splice(this.#begun)) this.#chars -= encoded.length;
    this.#expected = this.begunBelow;
  }
}

function isUnconfirmed({ state }: ActionInHand): boolean {
  return state === "queued" || state === "written";
}
