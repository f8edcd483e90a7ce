import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { limits } from "#common/contract/limits.ts";
import { compileTrigger } from "./trigger.ts";

const LUNCH = String.raw`^\s*(점심)[\s.!?~]*$`;

test.each([
  ["안녕", "안녕하세요", true],
  ["안녕", "네, 안녕", false],
  ["^안녕$", "안녕", true],
  ["^안녕$", "안녕하세요", false],
  [LUNCH, "  점심~!", true],
  [LUNCH, "점심 뭐", false],
  ["(점|저)메추", "저메추요", true],
  ["hello", "HeLLo", true],
  ["[a-c]+d", "ABCd", true],
  ["[^a-c]", "b", false],
  ["[a-]", "-", true],
  ["[]]", "]", true],
  [String.raw`[\p{L}\w.]+$`, "한글.ab_1", true],
  [String.raw`\w`, "!", false],
  ["[가-힣]+$", "한글", true],
  [String.raw`\d{2,3}원$`, "1234원", false],
  [String.raw`\d{2,3}원$`, "123원", true],
  [String.raw`\d{2}원`, "123원", false],
  ["(?:네){2,}!", "네네네!", true],
  [String.raw`1\+1`, "1+1", true],
  [".?$", "🎉", true],
  ["..$", "🎉", false],
  ["오늘 ?(날씨)?$", "오늘", true],
  ["a*?b", "aab", true],
  ["a||b", "c", true],
  ["{x}", "{x}", true],
  ["x$y", "xy", false],
  ["(^a|b)c", "bc", true],
])("%s on %s: %s", (trigger, text, isMatch) => {
  expect(compileTrigger(trigger).matches(text)).toBe(isMatch);
});

test.each([
  ["", "is empty"],
  ["(a", "missing closing )"],
  ["a)", "unexpected )"],
  ["[a", "missing closing ]"],
  ["*a", "missing argument"],
  ["[b-a]", "invalid character class range"],
  ["(?=a)", "unsupported"],
  [String.raw`(a)\1`, "invalid escape"],
  ["(((((){99}){99}){99}){99}){99}", "invalid repeat count"],
  ["a".repeat(limits.triggerCharsMax + 1), "is longer than"],
])("%s is refused: %s", (trigger, why) => {
  expect(() => compileTrigger(trigger)).toThrow(why);
});

test("of a line that is too long its beginning counts, and its end is not taken for one", () => {
  const long = "a".repeat(limits.triggerTextCharsMax + 1);
  expect(compileTrigger("a+").matches(long)).toBe(true);
  expect(compileTrigger("a+$").matches(long)).toBe(false);
  expect(compileTrigger("a+$").matches(long.slice(1))).toBe(true);
});

test("it says what JavaScript's own expression says, where that is quick", () => {
  const atom = fc.constantFrom("a", "b", ".", "[ab]", "[^a]", "(a|b)", "(?:ab?)", "^", "$", "(a|)");
  const trigger = fc.array(fc.tuple(atom, fc.constantFrom("", "*", "+", "?", "{2}", "{1,2}", "+?")), { maxLength: 5 });
  const source = trigger.map((parts) => parts.map(([one, times]) => (/[$^]$/.test(one) ? one : one + times)).join(""));
  const text = fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 8 }).map((letters) => letters.join(""));
  fc.assert(
    fc.property(source, text, (one, line) => {
      fc.pre(one !== "");
      expect(compileTrigger(one).matches(line)).toBe(new RegExp(`^(?:${one})`, "iu").test(line));
    }),
    { numRuns: 3_000 },
  );
});

describe("a hostile trigger", () => {
  test.each([
    "(a+)+$",
    "(a|a)*$",
    "(a|aa)+$",
    "(.*)*b",
    "a*a*a*a*a*a*a*a*a*a*b",
    "((a?){9}){6}b",
    "(.*a){12}",
    "((a?){30}){30}b",
    `${"(a*)".repeat(40)}b`,
  ])("%s ends soon on the line that it is slowest on", (trigger) => {
    const compiled = compileTrigger(trigger);
    const line = `${"a".repeat(limits.triggerTextCharsMax - 1)}!`;
    const startedMs = performance.now();
    expect(compiled.matches(line)).toBe(/12/.test(trigger));
    // JavaScript's own would need years for most of them; this is a tenth of a second for the worst.
    expect(performance.now() - startedMs).toBeLessThan(4_000);
  });
});
