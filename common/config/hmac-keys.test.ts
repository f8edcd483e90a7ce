import { expect, test } from "vitest";
import { hasCode, type MoaError } from "../kernel/errors.ts";
import { loadConfig } from "./load.ts";

const KEY = { key: "hunter2-key", salt: "hunter2-salt" };

function keysOf(given: unknown) {
  return loadConfig({ env: { MOA_HMAC_KEYS: JSON.stringify(given) }, argv: [] }).hmacKeys;
}

function faultOf(given: string): string {
  try {
    loadConfig({ env: { MOA_HMAC_KEYS: given }, argv: [] });
  } catch (error) {
    expect(hasCode(error, "config_invalid")).toBe(true);
    return (error as MoaError).message;
  }
  return "none";
}

test("a list of keys and its long form say the same", () => {
  const keys = [KEY, { key: "next", salt: "next" }];
  expect(keysOf({ BOT: keys })).toEqual([{ bot: "BOT", keys }]);
  expect(keysOf({ BOT: { keys } })).toEqual([{ bot: "BOT", keys }]);
});

test("a bot may differ: signatures not required, its sources named", () => {
  const allow = ["10.0.0.0/8", "fd00::/8"];
  expect(keysOf({ "*": [KEY], OLD: { require: false, allow }, NEW: { keys: [KEY], require: true } })).toEqual([
    { bot: "*", keys: [KEY] },
    { bot: "OLD", keys: [], require: false, allow },
    { bot: "NEW", keys: [KEY], require: true },
  ]);
});

test("a bot named like a property of every object is a bot like another", () => {
  expect(keysOf(JSON.parse(`{"__proto__":[${JSON.stringify(KEY)}]}`))).toEqual([{ bot: "__proto__", keys: [KEY] }]);
});

test.each([
  ['{"BOT":[{"key":"hunter2"', "must be a JSON object"],
  ['["hunter2"]', "must be a JSON object"],
  ['{"BOT":"hunter2"}', 'bot "BOT": must have a key'],
  ['{"BOT":[]}', 'bot "BOT": must have a key'],
  ['{"BOT":[{"key":"hunter2"}]}', "at most 2 keys, each as"],
  ['{"BOT":[{"key":"hunter2","salt":""}]}', "at most 2 keys, each as"],
  [JSON.stringify({ BOT: [KEY, KEY, KEY] }), "at most 2 keys, each as"],
  [JSON.stringify({ BOT: { keys: [KEY], require: "hunter2" } }), '"require" must be true or false'],
  [JSON.stringify({ BOT: { keys: [KEY], allow: ["hunter2"] } }), '"allow" must be a list of networks'],
  [JSON.stringify({ BOT: { keys: [KEY], requires: true } }), "there are only keys, require, allow"],
])("%s is refused, and no key is shown", (given, fault) => {
  expect(faultOf(given)).toContain("MOA_HMAC_KEYS: ");
  expect(faultOf(given)).toContain(fault);
  expect(faultOf(given)).not.toContain("hunter2");
});
