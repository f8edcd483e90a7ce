import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeRow } from "#workers/domain/chat-log-row.ts";
import type { ChatLogRow } from "#workers/domain/stores.ts";
import { type ChatLogTuples, chatLogTuples } from "./chat-log-sql.ts";

const text = fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.constantFrom("'", '"', "\\", "\n", "한", "🎉"));
/** Escapes in names are rare, and then they all go the long way. */
const name = fc.oneof({ weight: 20, arbitrary: fc.constantFrom("방", "a'b", "🎉") }, { weight: 1, arbitrary: text });
const row: fc.Arbitrary<ChatLogRow> = fc.record({
  channelId: name,
  userHash: name,
  roomName: fc.option(name),
  sender: fc.option(name),
  message: text,
  directive: fc.option(name),
  messageType: fc.constantFrom("normal", "command", "auto_replay", "scheduled"),
  isMeaningful: fc.boolean(),
  botName: name,
  isMention: fc.boolean(),
  isGroupChat: fc.boolean(),
  logId: fc.option(name),
  clientAtMs: fc.option(fc.oneof(fc.integer({ min: -9 }), fc.nat())),
  serverAtMs: fc.nat(),
  isBot: fc.boolean(),
  isOurBotResponse: fc.boolean(),
  isScheduled: fc.boolean(),
});
const line = fc
  .tuple(row, fc.option(fc.record({ atMs: fc.nat(), messages: fc.array(text, { maxLength: 2 }) })))
  .map(([one, answers]) => encodeRow(one, answers ?? undefined));

/** As MySQL reads them: a literal ends at its own unescaped quote. */
const LITERAL = /"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*'/g;
const TUPLE = /^\((?:S|null|NULL|\d+)(?:,(?:S|null|NULL|\d+)){16}\)$/;

/** Of what Redis could hold: a row, or a row in which anything was changed. */
const tampered = fc
  .tuple(line, fc.nat(), fc.nat(8), fc.oneof(text, fc.constantFrom('",', '\\"', "),(", "0x41", "NOW()", "\\", '"')))
  .map(([one, at, gone, put]) => one.slice(0, at % one.length) + put + one.slice((at % one.length) + gone));

test("whatever Redis holds, what comes out is tuples of 17 literals, or nothing", () => {
  let read = 0;
  fc.assert(
    fc.property(fc.oneof(line, tampered), (one) => {
      let tuples: readonly string[] = [];
      try {
        ({ tuples } = chatLogTuples(one));
      } catch (error) {
        expect(String(error)).toContain("contract_unreadable");
      }
      for (const tuple of tuples) expect(tuple.replace(LITERAL, "S")).toMatch(TUPLE);
      if (tuples.length > 0) read++;
    }),
    { numRuns: 3_000 },
  );
  expect(read).toBeGreaterThan(1_000);
});

/** What MySQL makes of a literal; `S` in front of strings, so that 0 and "0" differ. */
function meaningOf(sql: string): string {
  if (!/^["']/.test(sql)) return sql.toUpperCase();
  const known: Record<string, string> = { n: "\n", r: "\r", t: "\t", b: "\b", 0: "\0", Z: "\x1a" };
  return `S${sql.slice(1, -1).replace(/\\([\s\S])/g, (_, char: string) => known[char] ?? char)}`;
}

test("the short way and the long way say the same", () => {
  const valuesOf = (tuple: string) => tuple.slice(1, -1).match(/"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*'|[^,]+/g);
  let short = 0;
  fc.assert(
    fc.property(line, (one) => {
      // The same fields for JSON, and no match for the short way.
      const long = chatLogTuples(one.replace("[", "[ "));
      const both = chatLogTuples(one);
      if (both.tuples[0]?.startsWith('("')) short++;
      const meaning = ({ tuples, saidAtMs }: ChatLogTuples) => [
        saidAtMs,
        tuples.map((tuple) => valuesOf(tuple)?.map(meaningOf)),
      ];
      expect(meaning(both)).toEqual(meaning(long));
    }),
    { numRuns: 2_000 },
  );
  expect(short).toBeGreaterThan(500);
});
