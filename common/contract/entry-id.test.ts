import { expect, test } from "vitest";
import { isAfter, nextEntryId } from "./entry-id.ts";

test("entry ids compare by their numbers, not by their letters", () => {
  expect(isAfter("10-0", "9-0")).toBe(true);
  expect(isAfter("10-10", "10-2")).toBe(true);
  expect(isAfter("10-1", "10-1")).toBe(false);
  expect(isAfter("0-0", "0-1")).toBe(false);
});

test("the next id is the lowest above", () => {
  expect(nextEntryId("7-9")).toBe("7-10");
  expect(isAfter(nextEntryId("7-9"), "7-9")).toBe(true);
});
