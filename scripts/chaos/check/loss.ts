/**
 * What was accepted and never seen again.
 *
 *   unshown      its answer is on record, and no phone of its bot ever showed it
 *   unanswered   on record without an answer, beyond the lines that were refused, parked, expired or too late to be run
 *   unrecorded   it left its phone on a connection that nobody struck and that stood long enough for the append, and
 *                is not on record: the gateway had it
 *   unhandled    appended and in none of the lanes' outcomes (also told as unaccounted)
 */
import type { FaultMade, Link, Sent } from "../history.ts";

export interface LossEvidence {
  readonly sent: readonly Sent[];
  readonly shown: ReadonlySet<number>;
  /** Texts whose line is in the chat log. */
  readonly recorded: ReadonlySet<number>;
  readonly links: readonly Link[];
  readonly faults: readonly FaultMade[];
  /** Texts whose answer is in the chat log. */
  readonly answered: ReadonlySet<number>;
  /** Refused, parked, expired and late lines. */
  readonly accounted: number;
  readonly unhandled: number;
  readonly endedAt: number;
  botOf(phone: number): string;
}

/** An append waits for nothing longer than Redis' absence, and a gateway that waits is a fault of the site. */
const APPENDED_AFTER_MS = 5_000;

export function unshown({ answered, shown }: LossEvidence): number[] {
  return [...answered].filter((text) => !shown.has(text));
}

export function unanswered({ recorded, answered, accounted }: LossEvidence): number[] {
  return [...recorded].filter((text) => !answered.has(text)).slice(accounted);
}

export function unrecorded(evidence: LossEvidence): number[] {
  const { sent, recorded, links, faults, endedAt, botOf } = evidence;
  const closed = new Map(
    links.filter(({ kind }) => kind === "closed").map(({ phone, connection, at }) => [`${phone}/${connection}`, at]),
  );
  const held = sent.filter(({ phone, connection, at, text }) => {
    if (recorded.has(text)) return false;
    const until = at + APPENDED_AFTER_MS;
    const isStruck = faults.some(
      (fault) =>
        (fault.bot === undefined || fault.bot === botOf(phone)) &&
        fault.at - APPENDED_AFTER_MS <= until &&
        fault.endedAt >= at,
    );
    return !isStruck && (closed.get(`${phone}/${connection}`) ?? endedAt) > until;
  });
  return [...new Set(held.map(({ text }) => text))];
}
