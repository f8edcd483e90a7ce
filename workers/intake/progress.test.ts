import { expect, test } from "vitest";
import { Progress } from "./progress.ts";

test("the position moves to the end of the done prefix and no further, and counts what it passes", () => {
  const progress = new Progress();
  progress.begin("1-0", 1);
  progress.begin("2-0", 2);
  progress.begin("3-0", 1);
  expect(progress.takePrefix()).toEqual({ position: null, counts: {} });
  progress.done("3-0", "duplicate");
  progress.done("2-0", "handled");
  expect(progress.takePrefix()).toEqual({ position: null, counts: {} });
  progress.done("1-0", "handled");
  expect(progress.takePrefix()).toEqual({ position: "1-0", counts: { handled: 1 } });
  expect(progress.inHand).toBe(1);
  progress.done("2-0", "parked");
  expect(progress.takePrefix()).toEqual({ position: "3-0", counts: { handled: 1, parked: 1, duplicate: 1 } });
  expect(progress.takePrefix()).toEqual({ position: null, counts: {} });
  expect(progress.inHand).toBe(0);
});
