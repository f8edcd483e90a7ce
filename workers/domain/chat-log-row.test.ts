import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeRow, encodeRow } from "./chat-log-row.ts";
import type { ChatLogRow } from "./stores.ts";

const text = fc.string({ unit: "binary" });
const row: fc.Arbitrary<ChatLogRow> = fc.record({
  channelId: text,
  userHash: text,
  roomName: fc.option(text),
  sender: fc.option(text),
  message: text,
  directive: fc.option(text),
  messageType: fc.constantFrom("normal", "command", "auto_replay"),
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
      expect(decodeRow(line)).toEqual(one);
    }),
  );
});

test("a row with a field of another type is refused, whatever the field", () => {
  const line = encodeRow(fc.sample(row, { numRuns: 1, seed: 1 })[0] as ChatLogRow);
  const good = JSON.parse(line) as unknown[];
  for (let place = 0; place < good.length; place++) {
    const bad = JSON.stringify(good.with(place, { "0": "x" }));
    expect(() => decodeRow(bad), `field ${place}`).toThrow("contract_unreadable");
  }
  expect(() => decodeRow("[1,")).toThrow("contract_unreadable");
  expect(() => decodeRow("{}")).toThrow("contract_unreadable");
});
