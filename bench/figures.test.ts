import { expect, test } from "vitest";
import { seededRandom } from "#common/kernel/random.ts";
import { cpuTicks, interval95, median, rotated, rounded } from "./figures.ts";

test("the median of an even count lies between its middle values, and that of nothing is no number", () => {
  expect(median([5, 1, 3])).toBe(3);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([])).toBeNaN();
  expect(rounded(1_234.5)).toBe(1_230);
});

test("the interval holds the median and is as wide as the rounds disagree", () => {
  const [low, high] = interval95([1.1, 1.2, 1.3, 1.2, 1.6], seededRandom(1).next);
  expect(low).toBeGreaterThanOrEqual(1.1);
  expect(low).toBeLessThanOrEqual(1.2);
  expect(high).toBeGreaterThanOrEqual(1.3);
  expect(high).toBeLessThanOrEqual(1.6);
  expect(interval95([2, 2, 2], seededRandom(1).next)).toEqual([2, 2]);
});

test("every variant is first in turn", () => {
  expect([0, 1, 2, 3].map((round) => rotated(["a", "b", "c"], round).join(""))).toEqual(["abc", "bca", "cab", "abc"]);
});

test("CPU ticks are read behind a process name that holds spaces and brackets", () => {
  expect(cpuTicks("42 (a b) c) S 1 42 42 0 -1 4194304 10 0 0 0 150 25 0 0 20 0 7 0 9 1 2")).toBe(175);
});
