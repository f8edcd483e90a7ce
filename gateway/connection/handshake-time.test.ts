import { expect, test } from "vitest";
import { limits } from "#common/contract/limits.ts";
import { createMetrics } from "#common/observe/metrics.ts";
import { FakeClock } from "#test/fixtures/fake-clock.ts";
import { HandshakeTime } from "./handshake-time.ts";

function started() {
  const clock = new FakeClock();
  const over: number[] = [];
  const time = new HandshakeTime({ clock, metrics: createMetrics(false).metrics }, () => over.push(clock.nowMs()));
  time.start();
  return { clock, over, time };
}

test("who is read in the moment in which the time is over, because the pod stood still, is in time", async () => {
  const { clock, over, time } = started();
  await clock.advance(limits.handshakeMsMax);
  time.stop("ok");
  await clock.advance(limits.handshakeMsMax);
  expect(over).toEqual([]);
});

test("who says nothing is told so once, within a second of the end", async () => {
  const { clock, over } = started();
  await clock.advance(limits.handshakeMsMax + 1_000);
  await clock.advance(limits.handshakeMsMax);
  expect(over).toHaveLength(1);
});
