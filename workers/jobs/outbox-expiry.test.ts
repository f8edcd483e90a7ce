import { expect, test } from "vitest";
import { limits } from "#common/contract/limits.ts";
import { queues } from "#common/contract/queues.ts";
import { createLogger } from "#common/observe/logger.ts";
import { createMetrics } from "#common/observe/metrics.ts";
import { FakeClock } from "#test/fixtures/fake-clock.ts";
import { notErased } from "#workers/erased.ts";
import { outboxExpiry } from "./outbox-expiry.ts";

const BOUND_MS = 720_000;

test("an answer that nobody comes for is forgotten within the time that who erases is told", async () => {
  const { everyMs, runMsMax } = queues["outbox-expiry"];
  const livesMs = limits.actionMsMax + limits.dedupeBeyondDeadlineMs + everyMs + runMsMax;
  expect(livesMs).toBeLessThanOrEqual(BOUND_MS);
  expect(runMsMax).toBeLessThan(everyMs);
  expect(notErased.join()).toContain("outbox in Redis: at most 12 minutes");
});

test("only what no clock of ours could still show is forgotten, all bots over, and counted", async () => {
  const clock = new FakeClock();
  const { metrics, expose } = createMetrics(false);
  const asked: number[] = [];
  async function* forget(deadlineBeforeMs: number) {
    asked.push(deadlineBeforeMs);
    yield* [2, 0, 3];
  }
  const job = outboxExpiry({ outboxes: { forget }, clock, log: createLogger("test", "silent"), metrics });
  const done = job(new AbortController().signal);
  await clock.advance(1_000);
  await done;
  expect(asked).toEqual([clock.nowMs() - 1_000 - limits.dedupeBeyondDeadlineMs]);
  expect(await expose()).toContain('moa_actions_without_writer_total{what="dropped"} 5');
});
