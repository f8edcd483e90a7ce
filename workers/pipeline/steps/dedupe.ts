import type { InboundEvent } from "#common/contract/envelope.ts";
import { type EventId, lateIdOf } from "#common/contract/ids.ts";
import type { Work } from "../work.ts";

/**
 * Two copies of an event are of one room, so the first has decided, and is known, before the second gets here. A late
 * copy is a repeat of one that was not late; not the other way round, because only that one is run.
 */
export function dedupe(work: Work): Work {
  const { event, from } = work;
  const isKnown = from.seen.has(event.id) || (event.late === true && from.seen.has(seenAs(event)));
  return isKnown ? { ...work, outcome: "duplicate" } : work;
}

/** The id under which the event is remembered as handled. */
export function seenAs(event: InboundEvent): EventId {
  return event.kind === "chat" && event.late ? lateIdOf(event.id) : event.id;
}
