/** The promises of ARCHITECTURE.md, as predicates over what a run left behind. */
import { decodeEvent } from "#common/contract/codec.ts";
import type { ChatEvent } from "#common/contract/envelope.ts";
import type { EventId } from "#common/contract/ids.ts";
import type { LaneBalance } from "#common/ports/lane-log.ts";
import type { ChatLogRow } from "#workers/domain/stores.ts";
import { answerTo, nameIn, type Told } from "./dialogue.ts";
import type { Shown } from "./phone.ts";

export interface Evidence {
  readonly told: readonly Told[];
  readonly history: readonly string[];
  readonly balances: readonly LaneBalance[];
  readonly shown: ReadonlyMap<string, readonly Shown[]>;
  readonly rows: readonly ChatLogRow[];
  readonly effects: readonly EventId[];
  readonly openOutboxRows: readonly string[];
  /** What operators hold, by its text. */
  readonly held: ReadonlySet<string>;
  /** Bots that nobody writes for though a phone is there, or whose outbox is not empty. */
  readonly mute: readonly string[];
  /** As truth.ts saw it. */
  readonly wrongs: readonly string[];
}

export function broken(evidence: Evidence): readonly string[] {
  const accepted = new Map<string, ChatEvent>();
  for (const line of evidence.history) {
    const event = decodeEvent(line, JSON.parse(line).receivedAt);
    if (event.kind === "chat") accepted.set(event.text, event);
  }
  return [
    ...unaccounted(evidence),
    ...evidence.told.flatMap((told) => {
      const event = accepted.get(told.text);
      return event === undefined ? [] : ofOne(evidence, told, event);
    }),
    ...disorder(evidence, accepted),
    ...rowDisorder(evidence, accepted),
    ...evidence.mute,
    ...evidence.wrongs,
    ...evidence.openOutboxRows.map((id) => `outbox row ${id} never got its receipt`),
  ];
}

function unaccounted({ balances }: Evidence): readonly string[] {
  return balances.flatMap(({ lane, appended, done, entries }) => {
    const sum = Object.values(done).reduce((a, b) => a + b, 0);
    const bad = [];
    if (appended !== sum) bad.push(`lane ${lane}: ${appended} appended, ${sum} accounted for`);
    if (entries > 1) bad.push(`lane ${lane}: ${entries} entries were never trimmed`);
    if (done.parked > 0) bad.push(`lane ${lane}: ${done.parked} parked`);
    return bad;
  });
}

function ofOne({ shown, rows, effects, held }: Evidence, told: Told, event: ChatEvent): readonly string[] {
  const bad: string[] = [];
  const { kind, name } = told;
  const answer = answerTo(told);
  const said = rows.filter((row) => row.message === told.text && !row.isOurBotResponse).length;
  if (said !== 1) bad.push(`${name}: ${said} rows`);
  if (answer === null || event.late) return bad;
  const shows = (shown.get(told.bot) ?? []).filter(({ text }) => text === answer);
  // A phone that thaws shows what it was written before the one that took over did, and labelled it.
  const unlabelled = shows.filter(({ resent }) => !resent).length;
  const isHeld = held.has(answer);
  // Chatter in doubt is dropped: whether it was is for the doubt's bound to say, not for the phones.
  if (shows.length === 0 && !isHeld && kind !== "chatter") bad.push(`${name}: accepted and never answered`);
  if (unlabelled > 1) bad.push(`${name}: shown ${shows.length} times without a label`);
  if (shows.length > 1 && isOnce(kind)) bad.push(`${name}: shown again, though ${kind} never is`);
  const answers = rows.filter((row) => row.message === answer).length;
  if (answers !== 1 && kind !== "picture") bad.push(`${name}: ${answers} rows of the answer`);
  const made = effects.filter((id) => id === event.id).length;
  if ((kind === "book" || kind === "money") && made !== 1) bad.push(`${name}: its change was made ${made} times`);
  return bad;
}

function isOnce(kind: Told["kind"]): boolean {
  return kind === "chatter" || kind === "money";
}

/**
 * First showings of a room's answers come in the order in which its lines were accepted. What is not shown again when in
 * doubt may come out of a stopped phone after the answers that others showed meanwhile.
 */
function disorder({ told, shown }: Evidence, accepted: ReadonlyMap<string, ChatEvent>): readonly string[] {
  const bad: string[] = [];
  const texts = [...accepted.keys()];
  const place = new Map(told.map(({ name, text }) => [name, texts.indexOf(text)]));
  const once = new Set(told.filter(({ kind }) => isOnce(kind)).map(({ name }) => name));
  for (const [bot, all] of shown) {
    const last = new Map<string, number>();
    const known = new Set<string>();
    for (const { room, text } of all) {
      const name = nameIn(text);
      if (known.has(text) || once.has(name)) continue;
      known.add(text);
      const at = place.get(name) ?? -1;
      if (at < (last.get(room) ?? -1)) bad.push(`${bot} room ${room}: ${text} after a later one`);
      last.set(room, Math.max(at, last.get(room) ?? -1));
    }
  }
  return bad;
}

/** What was said in a room is on record in the order in which it was accepted. */
function rowDisorder({ rows }: Evidence, accepted: ReadonlyMap<string, ChatEvent>): readonly string[] {
  const place = new Map([...accepted.keys()].map((text, i) => [text, i]));
  const said = rows.filter((row) => !row.isOurBotResponse);
  const byRoom = Map.groupBy(said, ({ botName, channelId }) => `${botName} room ${channelId}`);
  return [...byRoom].flatMap(([room, ofRoom]) => {
    const places = ofRoom.map(({ message }) => place.get(message) ?? -1);
    const wrong = places.findIndex((at, i) => at < (places[i - 1] ?? -1));
    return wrong === -1 ? [] : [`${room}: the row of ${ofRoom[wrong]?.message} stands after a later one`];
  });
}
