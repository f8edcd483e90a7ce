/** One event of a lane entry in the owner's hands, and the words in which it is handed to the lane commit. */
import type { InboundEvent } from "#common/contract/envelope.ts";
import type { LaneEntry } from "#common/ports/lane-log.ts";
import type { Settled } from "./lane-commits.ts";

export interface Line {
  readonly entry: LaneEntry;
  /** The encoded event. */
  readonly text: string;
  readonly careful: boolean;
}

/** Receipts have an order of their own: one that waits for MySQL must not hold up its room's talk. */
export function roomOf(event: InboundEvent): string {
  return `${event.kind}\0${event.bot}\0${event.channel}`;
}

export function settledBy({ entry }: Line, { id, kind }: InboundEvent) {
  return { entry: entry.id, kind, seen: id, rows: [] } as const;
}

export function parked(line: Line, event: InboundEvent, reason = "turn_failed"): Settled {
  return { ...settledBy(line, event), outcome: "parked", parked: { id: event.id, event: line.text, reason } };
}

/** An event that cannot be read has no id of its own: its place in the lane is one. */
export function unreadable({ entry, text }: Line): Settled {
  const put = { id: entry.id, event: text, reason: "contract_unreadable" };
  return { entry: entry.id, kind: "chat", outcome: "parked", rows: [], parked: put };
}
