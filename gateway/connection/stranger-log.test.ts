import { expect, test } from "vitest";
import { limits } from "#common/contract/limits.ts";
import { FakeClock } from "#test/fixtures/fake-clock.ts";
import { StrangerLog } from "./stranger-log.ts";

test("of a crowd of strangers some a second are told, and with the next how many were not", async () => {
  const clock = new FakeClock();
  const strangers = new StrangerLog(clock);
  const told = (count: number) => Array.from({ length: count }, () => strangers.tell()).filter((one) => one !== null);
  const most = limits.strangersLoggedPerSecondMax;
  expect(told(most + 90)).toEqual(Array(most).fill(0));
  await clock.advance(1_000);
  expect(told(2)).toEqual([90, 0]);
});
