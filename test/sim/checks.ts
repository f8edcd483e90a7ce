/** The promises of ARCHITECTURE.md, as predicates over what a run left behind. */
import { decodeEvent } from "#common/contract/codec.ts";
import type { ChatEvent } from "#common/contract/envelope.ts";
import type { EventId } from "#common/contract/ids.ts";
import type { LaneBalance } from "#common/ports/lane-log.ts";
import type { ChatLogRow } from "#workers/domain/stores.ts";
import type { Shown } from "./phone.ts";

/** A line that a phone sent. */
export interface Told {
  readonly bot: string;
  readonly room: string;
  readonly kind: "echo" | "book" | "talk";
  readonly name: string;
  readonly text: string;
}

export interface Evidence {
  readonly told: readonly Told[];
  readonly history: readonly string[];
  readonly balances: readonly LaneBalance[];
  readonly shown: ReadonlyMap<string, readonly Shown[]>;
  readonly rows: readonly ChatLogRow[];
  readonly effects: readonly EventId[];
  readonly openOutboxRows: readonly string[];
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

function ofOne({ shown, rows, effects }: Evidence, told: Told, event: ChatEvent): readonly string[] {
  const bad: string[] = [];
  const answer = told.kind === "echo" ? `에코: ${told.name}` : `booked ${told.name}`;
  const said = rows.filter((row) => row.message === told.text && !row.isOurBotResponse).length;
  if (said !== 1) bad.push(`${told.name}: ${said} rows`);
  if (told.kind === "talk") return bad;
  const shows = (shown.get(told.bot) ?? []).filter(({ text }) => text === answer);
  const unlabelled = shows.slice(1).filter(({ resent }) => !resent).length;
  if (shows.length === 0) bad.push(`${told.name}: accepted and never answered`);
  if (unlabelled > 0) bad.push(`${told.name}: shown ${shows.length} times without a label`);
  const answers = rows.filter((row) => row.message === answer).length;
  if (answers !== 1) bad.push(`${told.name}: ${answers} rows of the answer`);
  const made = effects.filter((id) => id === event.id).length;
  if (told.kind === "book" && made !== 1) bad.push(`${told.name}: its change was made ${made} times`);
  return bad;
}

/** First showings of a room's answers come in the order in which its lines were accepted. */
function disorder({ history, shown }: Evidence, accepted: ReadonlyMap<string, ChatEvent>): readonly string[] {
  const bad: string[] = [];
  const place = new Map([...accepted.keys()].map((text, i) => [text.replace(/^# \w+ /, ""), i]));
  for (const [bot, all] of shown) {
    const last = new Map<string, number>();
    const known = new Set<string>();
    for (const { room, text } of all) {
      if (known.has(text)) continue;
      known.add(text);
      const at = place.get(text.replace(/^(에코: |booked )/, "")) ?? -1;
      if (at < (last.get(room) ?? -1)) bad.push(`${bot} room ${room}: ${text} after a later one`);
      last.set(room, Math.max(at, last.get(room) ?? -1));
    }
  }
  return history.length === 0 ? [] : bad;
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
