/** What phones showed: repeats, their labels, the order in rooms, and whether it was the right bot's. */
import type { Sent, Shown } from "../history.ts";
import type { Texts } from "../texts.ts";

export interface ShownVerdict {
  /** Showings beyond the first of their text. */
  readonly visibleDuplicates: number;
  /** Of these, those that no label explains: of one text's showings at most one may be without. */
  readonly unlabelledDuplicates: number;
  /** First showings after that of a line which its phone said later in the same room. */
  readonly orderViolations: number;
  /** Shown by a phone of another bot. */
  readonly misdirected: number;
  /** Repeats of each bot. */
  readonly duplicatesOf: ReadonlyMap<string, number>;
  /** What to look for, of the first few. */
  readonly examples: readonly string[];
}

const EXAMPLES_MAX = 5;

export function judgeShown(
  { sent, shown }: { readonly sent: readonly Sent[]; readonly shown: readonly Shown[] },
  texts: Texts,
  botOf: (phone: number) => string,
): ShownVerdict {
  const showings = Map.groupBy(shown, ({ text }) => text);
  const examples: string[] = [];
  const tell = (what: string) => examples.length < EXAMPLES_MAX && examples.push(what);
  const duplicatesOf = new Map<string, number>();
  let [visibleDuplicates, unlabelledDuplicates, misdirected] = [0, 0, 0];
  for (const [text, all] of showings) {
    const bot = botOf(texts.phoneOf(text));
    const unlabelled = all.filter(({ resent }) => !resent).length;
    const wrong = all.filter(({ phone }) => botOf(phone) !== bot).length;
    if (wrong > 0) tell(`text ${text} of ${bot} shown by another bot's phone`);
    if (unlabelled > 1) tell(`text ${text} of ${bot} shown ${unlabelled} times without a label`);
    misdirected += wrong;
    visibleDuplicates += all.length - 1;
    unlabelledDuplicates += Math.max(0, unlabelled - 1);
    if (all.length > 1) duplicatesOf.set(bot, (duplicatesOf.get(bot) ?? 0) + all.length - 1);
  }
  const late = outOfOrder(sent, shown, texts);
  for (const text of late) tell(`text ${text} of ${botOf(texts.phoneOf(text))} shown after a later one of its room`);
  const orderViolations = late.length;
  return { visibleDuplicates, unlabelledDuplicates, orderViolations, misdirected, duplicatesOf, examples };
}

/** A text that left its phone more than once is not judged: which copy counted is not known here. */
function outOfOrder(sent: readonly Sent[], shown: readonly Shown[], texts: Texts): number[] {
  const order = new Map<number, number>();
  const repeated = new Set<number>();
  for (const [i, { text }] of sent.entries()) {
    if (order.has(text)) repeated.add(text);
    order.set(text, i);
  }
  const newest = new Map<number, number>();
  const seen = new Set<number>();
  const late: number[] = [];
  for (const { text } of shown.toSorted((a, b) => a.at - b.at)) {
    if (seen.has(text) || repeated.has(text)) continue;
    seen.add(text);
    const room = texts.roomOf(text);
    const place = order.get(text) ?? -1;
    if (place < (newest.get(room) ?? -1)) late.push(text);
    else newest.set(room, place);
  }
  return late;
}
