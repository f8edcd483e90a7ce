/**
 * What a run proved. Nothing is counted in moa's favour: where two readings are possible, the worse one stands, so the
 * stack must have no other traffic, or that traffic's events look like missing rows.
 *
 *   sent          texts the fleet said
 *   answered      shown on the phone at least once
 *   not_accepted  no row and no answer, so never appended as far as the balance tells: the phone could not send it, or
 *                 the way to the lane broke before the append. The original promises nothing here, nor do we
 *   lost          appended and neither handled nor accounted for (the lanes' balance, which a crash cannot unbalance),
 *                 plus texts on record that were never shown although their phone's connection held to the end and no
 *                 refusal, parking or expiry of the lanes accounts for them
 *   unshown       the same, but the phone's connection broke after they were sent: the answer may have died with it.
 *                 Told, not judged
 *   doubled       shown again without the label that it may be a repeat;  ambiguous: shown again with it
 *   reordered     first shown after an answer to a line that left the phone later for the same room
 *   misdirected   shown on another phone or in another room
 *   expired, refused, parked   as the lanes counted them in this time
 *   rows_missing  answered or handled, and the chat line or our answer is not in kb_chat_logs;  rows_doubled: twice
 *
 * An answer that outlives its deadline between worker and phone is in no lane's counter: it counts as lost or unshown.
 * Without the databases lost, not_accepted, unshown and the rows are null, and any text without an answer fails the run.
 */
import { type Ledger, percentile } from "./ledger.ts";

/** Sums over all lanes. */
export interface LaneTotals {
  readonly appended: number;
  readonly handled: number;
  readonly duplicate: number;
  readonly refused: number;
  readonly parked: number;
  readonly expired: number;
}

/** How often each text is on record, up to 255. */
export interface Rows {
  readonly lines: Uint8Array;
  readonly answers: Uint8Array;
}

export interface Evidence {
  readonly ledger: Ledger;
  /** Number of each phone's connection at the end. */
  readonly connections: readonly number[];
  readonly record: { readonly before: LaneTotals; readonly after: LaneTotals; readonly rows: Rows } | null;
}

export type Verdict = ReturnType<typeof judge>;

export function judge({ ledger, connections, record }: Evidence) {
  const texts = ledger.shape.texts;
  const answered = count(texts, (text) => ledger.shown[text] !== 0);
  const { doubled, ambiguous, reordered, misdirected, orderUnjudged, sent, latency } = ledger;
  return {
    sent: texts,
    answered,
    ...(record === null ? NO_RECORD : judgeRecord(ledger, connections, record)),
    doubled,
    ambiguous,
    reordered,
    misdirected,
    order_unjudged: orderUnjudged,
    never_left_phone: count(texts, (text) => sent[text] === 0),
    p50_ms: percentile(latency, 0.5),
    p99_ms: percentile(latency, 0.99),
  };
}

export function hasFailed(verdict: Verdict): boolean {
  const { lost, doubled, reordered, misdirected, rows_missing, rows_doubled } = verdict;
  const unexplained = lost === null && verdict.answered < verdict.sent;
  const bad = [lost, doubled, reordered, misdirected, rows_missing, rows_doubled];
  return unexplained || bad.some((figure) => figure !== null && figure > 0);
}

const NO_RECORD = {
  not_accepted: null,
  lost: null,
  unshown: null,
  expired: null,
  refused: null,
  parked: null,
  rows_missing: null,
  rows_doubled: null,
};

function judgeRecord(ledger: Ledger, connections: readonly number[], record: NonNullable<Evidence["record"]>) {
  const { texts } = ledger.shape;
  const { lines, answers } = record.rows;
  const grown = difference(record.after, record.before);
  const { refused, parked, expired } = grown;
  const isShown = (text: number) => ledger.shown[text] !== 0;
  const onRecord = count(texts, (text) => lines[text] !== 0);
  const shownWithoutLine = count(texts, (text) => isShown(text) && lines[text] === 0);
  const shownWithoutAnswer = count(texts, (text) => isShown(text) && answers[text] === 0);
  const linesMissing = Math.max(shownWithoutLine, grown.handled + refused + expired - onRecord);
  const silent = count(texts, (text) => !isShown(text) && lines[text] !== 0);
  const onHeldConnection = count(
    texts,
    (text) => !isShown(text) && lines[text] !== 0 && ledger.connection[text] === connections[ledger.phoneOf(text)],
  );
  const unexplained = Math.max(0, silent - refused - parked - expired);
  const lostAnswers = Math.min(unexplained, onHeldConnection);
  const inFlight = grown.appended - grown.handled - grown.duplicate - refused - parked - expired;
  const neither = count(texts, (text) => !isShown(text) && lines[text] === 0);
  return {
    not_accepted: Math.max(0, neither - (linesMissing - shownWithoutLine)),
    lost: Math.max(0, inFlight) + lostAnswers,
    unshown: unexplained - lostAnswers,
    expired,
    refused,
    parked,
    rows_missing: linesMissing + shownWithoutAnswer,
    rows_doubled:
      count(texts, (text) => (lines[text] as number) > 1) + count(texts, (text) => (answers[text] as number) > 1),
  };
}

function difference(after: LaneTotals, before: LaneTotals): LaneTotals {
  const grown = (name: keyof LaneTotals) => after[name] - before[name];
  return {
    appended: grown("appended"),
    handled: grown("handled"),
    duplicate: grown("duplicate"),
    refused: grown("refused"),
    parked: grown("parked"),
    expired: grown("expired"),
  };
}

function count(texts: number, holds: (text: number) => boolean): number {
  let found = 0;
  for (let text = 0; text < texts; text++) if (holds(text)) found++;
  return found;
}
