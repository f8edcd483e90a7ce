import { expect, test } from "vitest";
import { createLogger } from "#common/observe/logger.ts";
import { createMetrics } from "#common/observe/metrics.ts";
import type { LaneBalance } from "#common/ports/lane-log.ts";
import { FakeClock } from "#test/fixtures/fake-clock.ts";
import { laneGauges } from "./lane-gauges.ts";

const NONE = { handled: 0, duplicate: 0, refused: 0, parked: 0, expired: 0 };

test("of the owned lanes, what is neither done nor in its lane is unaccounted, and so is what was done and never taken in", async () => {
  const { metrics, expose } = createMetrics(false);
  const base: LaneBalance = { lane: 0, appended: 10, done: NONE, oldestMs: 0, entries: 3, parked: 0 };
  const balances: readonly LaneBalance[] = [
    base,
    { ...base, lane: 1, done: { ...NONE, handled: 10 }, entries: 0 },
    { ...base, lane: 2, done: { ...NONE, handled: 7, refused: 1 }, entries: 0 },
    { ...base, lane: 3, done: { ...NONE, handled: 13 }, entries: 1 },
    { ...base, lane: 4, entries: 0 },
  ];
  const gauges = laneGauges({
    clock: new FakeClock(),
    log: createLogger("test", "silent"),
    metrics,
    balances: { balances: async () => balances },
    owned: () => [0, 1, 2, 3],
  });
  await gauges.start?.();
  const value = async (name: string) => new RegExp(`^${name} (.*)$`, "m").exec(await expose())?.[1];
  await expect.poll(() => value("moa_lane_unaccounted_events")).toBe("5");
  expect(await value("moa_lane_backlog_events")).toBe("9");
  await gauges.stop?.();
});
