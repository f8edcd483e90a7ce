/** Golden files are never edited, only added to: today's code must read every envelope that a pod ever wrote. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { decodeAction, decodeEvent, encodeAction, encodeEvent } from "./codec.ts";

const golden = new URL("golden/", import.meta.url);
const read = (name: string) => readFileSync(new URL(name, golden), "utf8").trim();

test.each(readdirSync(golden))("%s is read, and written again with the fields this version does not know", (name) => {
  const line = read(name);
  const again = /^(chat|receipt)/.test(name)
    ? encodeEvent(decodeEvent(line, 1_753_100_001_000))
    : encodeAction(decodeAction(line));
  expect(JSON.parse(again)).toEqual(JSON.parse(line));
  expect(again).not.toContain("\n");
});

test("an envelope of another version or kind is refused, saying which", () => {
  expect(() => decodeEvent('{"v":2,"kind":"chat"}', 0)).toThrow(/contract_unreadable: v is 2/);
  expect(() => decodeEvent('{"v":1,"kind":"text"}', 0)).toThrow(/kind is text/);
  expect(() => decodeAction('{"v":1,"kind":"chat"}')).toThrow(/kind is chat/);
  expect(() => decodeAction("{")).toThrow(/not JSON/);
});

test("a receive time further than five seconds from the store's clock is moved to that bound", () => {
  const line = read("chat-v1.json");
  const at = 1_753_100_001_000;
  expect(decodeEvent(line, at + 5_000).receivedAt).toBe(at);
  expect(decodeEvent(line, at + 120_000).receivedAt).toBe(at + 115_000);
  expect(decodeEvent(line, at - 120_000).receivedAt).toBe(at - 115_000);
});
