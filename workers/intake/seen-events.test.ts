import { expect, test } from "vitest";
import { limits } from "#common/contract/limits.ts";
import { FakeClock } from "#test/fixtures/fake-clock.ts";
import { SeenEvents } from "./seen-events.ts";

const id = (n: number) => n.toString(16).padStart(16, "0");

test("an event is remembered for at least all but one of the buckets, and forgotten after all of them", async () => {
  const clock = new FakeClock();
  const seen = new SeenEvents(clock, [Buffer.from(id(7), "hex")]);
  seen.add(id(1));
  for (let bucket = 1; bucket < limits.seenBuckets; bucket++) {
    await clock.advance(limits.seenBucketMs);
    seen.add(id(100 + bucket));
  }
  expect([seen.has(id(7)), seen.has(id(1)), seen.has(id(2))]).toEqual([true, true, false]);
  await clock.advance(limits.seenBucketMs);
  seen.add(id(200));
  expect([seen.has(id(7)), seen.has(id(1)), seen.has(id(101))]).toEqual([false, false, true]);
});
