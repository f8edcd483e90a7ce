import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeRows, encodeRow } from "./chat-log-row.ts";
import type { ChatLogRow } from "./stores.ts";

const text = fc.string({ unit: "binary" });
const row: fc.Arbitrary<ChatLogRow> = fc.record({
  channelId: text,
  userHash: text,
  roomName: fc.option(text),
  sender: fc.option(text),
  message: text,
  directive: fc.option(text),
  messageType: fc.constantFrom("normal", "command", "auto_replay", "scheduled"),
  isMeaningful: fc.boolean(),
  botName: text,
  isMention: fc.boolean(),
  isGroupChat: fc.boolean(),
  logId: fc.option(text),
  clientAtMs: fc.option(fc.integer()),
  serverAtMs: fc.nat(),
  isBot: fc.boolean(),
  isOurBotResponse: fc.boolean(),
  isScheduled: fc.boolean(),
});

test("a row comes back as it went, on one line", () => {
  fc.assert(
    fc.property(row, (one) => {
      const line = encodeRow(one);
      expect(line).not.toContain("\n");
      expect(decodeRows(line)).toEqual([one]);
    }),
  );
});

test("a row with a field of another type is refused, whatever the field", () => {
  const line = encodeRow(fc.sample(row, { numRuns: 1, seed: 1 })[0] as ChatLogRow);
  const good = JSON.parse(line) as unknown[];
  for (let place = 0; place < good.length; place++) {
    const bad = JSON.stringify(good.with(place, { "0": "x" }));
    expect(() => decodeRows(bad), `field ${place}`).toThrow("contract_unreadable");
  }
  expect(() => decodeRows("[1,")).toThrow("contract_unreadable");
  expect(() => decodeRows("{}")).toThrow("contract_unreadable");
});

test("answers come back as rows of the bot beside the line they answer", () => {
  const one = fc.sample(row, { numRuns: 1, seed: 2 })[0] as ChatLogRow;
  const [said, ...answers] = decodeRows(encodeRow(one, { atMs: 7, messages: ["가", "나"] }));
  expect(said).toEqual(one);
  expect(answers.map(({ message }) => message)).toEqual(["가", "나"]);
  expect(answers[0]).toMatchObject({
    channelId: one.channelId,
    roomName: one.roomName,
    isGroupChat: one.isGroupChat,
    userHash: one.botName,
    sender: one.botName,
    serverAtMs: 7,
    logId: null,
    isOurBotResponse: true,
  });
});
