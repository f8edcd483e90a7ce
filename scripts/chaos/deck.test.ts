import { expect, test } from "vitest";
import { seededRandom } from "#common/kernel/random.ts";
import { Deck } from "./deck.ts";

const names = ["a", "b", "c", "d", "e"];
const dealt = (seed: number) => {
  const deck = new Deck(names, seededRandom(seed));
  return Array.from({ length: 15 }, () => deck.deal());
};

test("the same seed deals the same faults, another seed others", () => {
  expect(dealt(7)).toEqual(dealt(7));
  expect(dealt(7)).not.toEqual(dealt(8));
});

test("every fault is dealt as often as every other", () => {
  for (const name of names) expect(dealt(3).filter((one) => one === name)).toHaveLength(3);
});

test("what was dealt in vain is dealt again", () => {
  const deck = new Deck(["a"], seededRandom(1));
  deck.putBack(deck.deal() as string);
  expect([deck.isThrough(1), deck.deal(), deck.isThrough(1)]).toEqual([false, "a", true]);
});

test("what does not fit just now stays in the deck", () => {
  const deck = new Deck(names, seededRandom(1));
  for (let i = 0; i < 4; i++) deck.deal((name) => name !== "c");
  expect(deck.deal((name) => name !== "c")).toBeUndefined();
  expect([deck.isThrough(1), deck.deal(), deck.isThrough(1)]).toEqual([false, "c", true]);
});
