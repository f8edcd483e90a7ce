import { afterEach, beforeEach, expect, test } from "vitest";
import { BullmqJobQueue } from "#common/backends/bullmq/job-queue.ts";
import type { RedisPlace } from "#common/backends/redis/place.ts";
import { systemClock } from "#common/backends/system/clock.ts";
import { systemRandom } from "#common/backends/system/random.ts";
import { queues } from "#common/contract/queues.ts";
import { hasCode } from "#common/kernel/errors.ts";
import { createMetrics } from "#common/observe/metrics.ts";
import { type RedisServer, startRedis } from "#test/fixtures/redis.ts";
import { startCluster, startSentinels } from "#test/fixtures/redis-kinds.ts";
import { log, metric } from "./open-store.ts";

const EVERY_MS = queues["outbox-sweep"].everyMs;

let redis: RedisServer;
let jobs: BullmqJobQueue;
const metrics = createMetrics(false);

beforeEach(async () => {
  // Without a file: what is killed comes back empty.
  redis = await startRedis(["--appendonly", "no"]);
  jobs = open();
});
afterEach(async () => {
  await redis.signal("SIGCONT");
  await jobs.close();
  await redis.stop();
});

function open(place: RedisPlace = { url: redis.url }): BullmqJobQueue {
  return new BullmqJobQueue({
    ...place,
    prefix: "t:{jobs}",
    clock: systemClock(),
    random: systemRandom(),
    log,
    metrics: metrics.metrics,
  });
}

async function closesWithin(ms: number): Promise<void> {
  const startMs = performance.now();
  await jobs.close();
  expect(performance.now() - startMs).toBeLessThan(ms);
}

test("a periodic job runs once per period over all pods, and a failing one runs again", {
  timeout: 40_000,
}, async () => {
  const runs: number[] = [];
  const handler = async () => {
    runs.push(performance.now());
    if (runs.length === 1) throw new Error("first one fails");
  };
  const other = open();
  await Promise.all([jobs.work("outbox-sweep", handler), other.work("outbox-sweep", handler)]);
  await expect.poll(() => runs.length, { timeout: 25_000 }).toBeGreaterThanOrEqual(4);
  await other.close();
  const gaps = runs.slice(1).map((at, i) => at - (runs[i] ?? 0));
  // The first period is cut short so that all pods meet on the same slots.
  for (const gap of gaps.slice(1)) expect(gap).toBeGreaterThan(EVERY_MS * 0.8);
  expect(await metric(metrics, 'moa_jobs_total{queue="outbox-sweep",outcome="failed"}')).toBe(1);
});

test("Redis killed and back empty: jobs go on", { timeout: 40_000 }, async () => {
  let runs = 0;
  await jobs.work("outbox-sweep", async () => void runs++);
  await expect.poll(() => runs, { timeout: 8_000 }).toBeGreaterThan(0);
  await redis.signal("SIGKILL");
  await redis.start();
  const before = runs;
  await expect.poll(() => runs, { timeout: EVERY_MS * 2 + 3_000 }).toBeGreaterThan(before);
});

test("Redis that hangs and wakes: jobs go on", { timeout: 60_000 }, async () => {
  let runs = 0;
  await jobs.work("outbox-sweep", async () => void runs++);
  await expect.poll(() => runs, { timeout: 8_000 }).toBeGreaterThan(0);
  await redis.signal("SIGSTOP");
  await new Promise((resolve) => systemClock().after(12_000, () => resolve(undefined)));
  await redis.signal("SIGCONT");
  const before = runs;
  await expect.poll(() => runs, { timeout: EVERY_MS * 4 }).toBeGreaterThan(before);
});

test("close waits for the job in hand, whose signal it aborts", { timeout: 20_000 }, async () => {
  let state = "";
  await jobs.work("outbox-sweep", (signal) => {
    state = "running";
    return new Promise((resolve) => {
      signal.addEventListener("abort", () => {
        state = "ended";
        resolve();
      });
    });
  });
  await expect.poll(() => state, { timeout: 8_000 }).toBe("running");
  await closesWithin(3_000);
  expect(state).toBe("ended");
});

test("close ends within its deadline when Redis is gone, hangs, or never was there", { timeout: 60_000 }, async () => {
  await jobs.work("outbox-sweep", async () => {});
  await redis.signal("SIGSTOP");
  await closesWithin(6_000);
  await redis.signal("SIGCONT");
  jobs = open();
  await jobs.work("outbox-sweep", async () => {});
  await redis.signal("SIGKILL");
  await closesWithin(6_000);
  jobs = open();
  const refused = await jobs.work("outbox-sweep", async () => {}).catch((error) => error);
  expect(hasCode(refused, "redis_unavailable")).toBe(true);
  await closesWithin(6_000);
});

test("a master replaced by Sentinels: jobs go on", { timeout: 60_000 }, async () => {
  const { servers, place, stop } = await startSentinels([]);
  const queue = open(place);
  try {
    let runs = 0;
    await queue.work("outbox-sweep", async () => void runs++);
    await expect.poll(() => runs, { timeout: 8_000 }).toBeGreaterThan(0);
    const former = await servers.current();
    await former.child.kill();
    await expect.poll(() => servers.current(), { timeout: 10_000 }).not.toBe(former);
    const before = runs;
    await expect.poll(() => runs, { timeout: EVERY_MS * 2 + 5_000 }).toBeGreaterThan(before);
  } finally {
    await queue.close();
    await stop();
  }
});

test("a Cluster's master killed: jobs go on", { timeout: 60_000 }, async () => {
  const { servers, place, stop } = await startCluster([]);
  const queue = open(place);
  try {
    let runs = 0;
    await queue.work("outbox-sweep", async () => void runs++);
    await expect.poll(() => runs, { timeout: 8_000 }).toBeGreaterThan(0);
    const former = await servers.masterOf("t:{jobs}");
    await former.child.kill();
    await expect.poll(() => servers.masterOf("t:{jobs}"), { timeout: 10_000 }).not.toBe(former);
    const before = runs;
    await expect.poll(() => runs, { timeout: EVERY_MS * 2 + 5_000 }).toBeGreaterThan(before);
  } finally {
    await queue.close();
    await stop();
  }
});
