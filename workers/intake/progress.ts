/**
 * Which entries of a lane are wholly done. Entries are begun in lane order; their events finish in any order.
 *
 *   position | done | in hand (2 left) | done | done | in hand (1 left) |
 *            ^ moves up to here and no further: what is done beyond it is told to a next owner by the seen ids
 *
 * Outcomes are counted when the position passes: what is done beyond it will be met again by a next owner, who counts it
 * then (as a duplicate, if it was handled), so that every event is counted exactly once whoever dies when.
 */
import type { EventOutcome } from "#common/ports/lane-log.ts";

export type Counts = Partial<Record<EventOutcome, number>>;

interface Entry {
  left: number;
  readonly counts: Counts;
}

export class Progress {
  /** By entry id, in lane order. */
  readonly #entries = new Map<string, Entry>();
  #inHand = 0;

  /** Events begun and not done. */
  get inHand(): number {
    return this.#inHand;
  }

  begin(entry: string, events: number): void {
    this.#entries.set(entry, { left: events, counts: {} });
    this.#inHand += events;
  }

  done(id: string, outcome: EventOutcome): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    entry.left--;
    entry.counts[outcome] = (entry.counts[outcome] ?? 0) + 1;
    this.#inHand--;
  }

  /** The done prefix, which is then forgotten: its last entry (null when there is none) and the outcomes in it. */
  takePrefix(): { readonly position: string | null; readonly counts: Counts } {
    let position: string | null = null;
    const counts: Counts = {};
    for (const [id, entry] of this.#entries) {
      if (entry.left > 0) break;
      position = id;
      this.#entries.delete(id);
      for (const [outcome, count] of Object.entries(entry.counts) as [EventOutcome, number][]) {
        counts[outcome] = (counts[outcome] ?? 0) + count;
      }
    }
    return { position, counts };
  }
}
