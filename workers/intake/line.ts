/** One event of a lane entry in the owner's hands, and the words in which it is handed to the lane commit. */
import { encodeEvent } from "#common/contract/codec.ts";
import type { InboundEvent } from "#common/contract/envelope.ts";
import type { Settled } from "./lane-commits.ts";

/** Not its text: that is a piece of the whole entry's, which would then live as long as its slowest event. */
export interface Line {
  /** Id of its entry. */
  readonly entry: string;
  readonly careful: boolean;
  /** Made once: two tables are looked up by it. */
  readonly room: string;
}

/** Receipts have an order of their own: one that waits for MySQL must not hold up its room's talk. */
export function roomOf(event: InboundEvent): string {
  return `${event.kind}\0${event.bot}\0${event.channel}`;
}

export function settledBy({ entry }: Line, { id, kind }: InboundEvent) {
  return { entry, kind, seen: id, rows: [] } as const;
}

export function parked(line: Line, event: InboundEvent, reason = "turn_failed"): Settled {
  return { ...settledBy(line, event), outcome: "parked", parked: { id: event.id, event: encodeEvent(event), reason } };
}

/** An event that cannot be read has no id of its own: its place in the lane is one. */
export function unreadable(entry: string, text: string): Settled {
  const put = { id: entry, event: text, reason: "contract_unreadable" };
  return { entry, kind: "chat", outcome: "parked", rows: [], parked: put };
}
