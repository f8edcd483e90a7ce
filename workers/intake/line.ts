/** One event of a lane entry in the owner's hands, and the words in which it is handed to the lane commit. */
import { encodeEvent } from "#common/contract/codec.ts";
import type { InboundEvent } from "#common/contract/envelope.ts";
import { seenAs } from "#workers/pipeline/steps/dedupe.ts";
import type { Settled } from "./lane-commits.ts";

/** Not its text: that is a piece of the whole entry's, which would then live as long as its slowest event. */
export interface Line {
  /** Id of its entry. */
  readonly entry: string;
  readonly careful: boolean;
  /** Traceparent of its entry's reading, when a line of that is sampled. */
  readonly received: string | undefined;
  /** Made once: two tables are looked up by it. */
  readonly room: string;
}

/** Receipts have an order of their own: one that waits for MySQL must not hold up its room's talk. */
export function roomOf(event: InboundEvent): string {
  return `${event.kind}\0${event.bot}\0${event.channel}`;
}

export function settledBy({ entry }: Line, event: InboundEvent) {
  return { entry, kind: event.kind, seen: seenAs(event), rows: [] } as const;
}

/** Run again, it is measured at its new entry: wherever it was put back before, its deadline is a new one. */
export function parked(line: Line, event: InboundEvent, reason = "turn_failed"): Settled {
  const { loggedAt: _, ...fresh } = event;
  const put = { id: event.id, event: encodeEvent(fresh as InboundEvent), reason };
  return { ...settledBy(line, event), outcome: "parked", parked: put };
}

/** An event that cannot be read has no id of its own: its place in the lane is one. */
export function unreadable(entry: string, text: string): Settled {
  const put = { id: entry, event: text, reason: "contract_unreadable" };
  return { entry, kind: "chat", outcome: "parked", rows: [], parked: put };
}
