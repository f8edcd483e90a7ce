import { expect, test } from "vitest";
import { InOrder } from "./in-order.ts";

test("what is filled early waits for the places held before it, of its own key alone", () => {
  const order = new InOrder();
  const passed: string[] = [];
  const say = (what: string) => () => void passed.push(what);
  const first = order.hold("a");
  const second = order.hold("a");
  order.pass("a", say("third"));
  order.pass("b", say("other"));
  second(say("second"));
  expect(passed).toEqual(["other"]);
  first(say("first"));
  expect(passed).toEqual(["other", "first", "second", "third"]);
});

test("what passes while its key lets through stands behind what waits, and is let through too", () => {
  const order = new InOrder();
  const passed: string[] = [];
  const fill = order.hold("a");
  order.pass("a", () => void passed.push("waiting"));
  fill(() => {
    passed.push("filled");
    order.pass("a", () => void passed.push("nested"));
  });
  expect(passed).toEqual(["filled", "waiting", "nested"]);
  order.pass("a", () => void passed.push("later"));
  expect(passed.at(-1)).toBe("later");
});

test("a place held while its key lets through stops it until it is filled", () => {
  const order = new InOrder();
  const passed: string[] = [];
  let again: (pass: () => void) => void = () => {};
  order.hold("a")(() => {
    again = order.hold("a");
  });
  order.pass("a", () => void passed.push("behind"));
  expect(passed).toEqual([]);
  again(() => void passed.push("held"));
  expect(passed).toEqual(["held", "behind"]);
});
