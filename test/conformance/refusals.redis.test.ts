/** A Redis that is there and does not do what it is asked, or is not there and does not say so: back-pressure, no loss. */
import { Redis } from "ioredis";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Backends } from "#common/backends/backends.ts";
import { limits } from "#common/contract/limits.ts";
import { createMetrics, type MetricsOfPod } from "#common/observe/metrics.ts";
import { type RedisServer, startRedis } from "#test/fixtures/redis.ts";
import { Appending } from "./appending.ts";
import { eventually, freshKeys, redisPods } from "./on-every-backend.ts";
import { type RedisProxy, startRedisProxy } from "./redis-proxy.ts";

const RESUMED_MS = 5_000;
let server: RedisServer;
let proxy: RedisProxy;
let admin: Redis;
let observed: MetricsOfPod;
let pod: Backends;
let load: Appending;

beforeEach(async () => {
  // So slow that a restart is seen loading; it says so only between so many bytes.
  server = await startRedis(["--loading-process-events-interval-bytes", "1024", "--key-load-delay", "1500"]);
  proxy = await startRedisProxy(server.port);
  admin = new Redis(server.url);
  admin.on("error", () => {});
  observed = createMetrics(false);
  pod = redisPods({ url: proxy.url }, freshKeys(), { ...observed, backlogMax: 1_000_000 })();
  await pod.start();
  load = new Appending(pod, 0);
  await moreAcks(20);
});

afterEach(async () => {
  await load.end();
  await pod.close();
  admin.disconnect();
  await proxy.close();
  await server.stop();
});

async function moreAcks(count: number): Promise<void> {
  const before = load.acks.length;
  await eventually(() => expect(load.acks.length).toBeGreaterThan(before + count), RESUMED_MS);
}

async function refusedAs(code: string): Promise<void> {
  await eventually(() => expect(load.failures.length).toBeGreaterThan(5));
  expect(await observed.expose()).toMatch(new RegExp(`moa_redis_command_errors_total{code="${code}"} [1-9]`));
}

/** Every append that was made is there, once and in order. */
async function expectWhole(): Promise<void> {
  await load.end();
  const read = await pod.lanes.read(new Map([[0, "0-0"]]), 0);
  const found = read.flatMap(({ events }) => events);
  expect(found).toEqual(found.map((_, i) => `e${i + 1}`));
  expect(found.slice(0, load.acks.length)).toEqual(load.acks.map(({ event }) => event).slice(0, found.length));
  expect([...new Set(load.failures.map(({ code }) => code))]).toEqual(["redis_unavailable"]);
}

test.each([
  ["OOM", "maxmemory"],
  ["NOREPLICAS", "min-replicas-to-write"],
])("%s refuses appends while it lasts, and is no loss", async (code, setting) => {
  await admin.config("SET", setting, "1");
  await refusedAs(code);
  await admin.config("SET", setting, "0");
  await moreAcks(20);
  await expectWhole();
  expect(load.losses).toEqual([]);
});

test("READONLY, a master that became a replica: nothing is sent there until it is a master, and then loss is told", async () => {
  await admin.call("replicaof", "127.0.0.1", "1");
  await refusedAs("READONLY");
  await eventually(async () => expect(await observed.expose()).toMatch(/{code="connection"} [1-9]/));
  await admin.call("replicaof", "no", "one");
  await moreAcks(20);
  expect(load.recovery.map(({ kind }) => kind)).toContain("loss");
  await expectWhole();
});

test("LOADING: a server that starts again is waited for, and loss is told before it gets an append", async () => {
  const pipeline = admin.pipeline();
  for (let i = 0; i < 1_500; i++) pipeline.set(`filler:${i}`, "x".repeat(64));
  await pipeline.exec();
  // Read by the byte, where a log is read by the thousand commands.
  await admin.bgrewriteaof();
  await eventually(async () =>
    expect(await admin.info("persistence")).toMatch(/aof_rewrite_in_progress:0[\s\S]*aof_rewrites:1/),
  );
  await server.signal("SIGKILL");
  const started = server.start();
  const impatient = new Redis(server.url, { enableReadyCheck: false, retryStrategy: () => 20 });
  impatient.on("error", () => {});
  await eventually(async () => expect(await impatient.info("persistence")).toContain("loading:1"));
  impatient.disconnect();
  const failures = load.failures.length;
  await eventually(() => expect(load.failures.length).toBeGreaterThan(failures + 5));
  await started;
  await moreAcks(20);
  expect(load.recovery.map(({ kind }) => kind)).toContain("loss");
  await expectWhole();
});

test("a black-holed connection is found by the deadline of a call, and no loss is told", async () => {
  expect(proxy.freeze(/./)).toBeGreaterThan(0);
  await eventually(() => expect(load.failures.length).toBeGreaterThan(0));
  await moreAcks(20);
  await expectWhole();
  expect(Math.max(...load.failures.map(({ tookMs }) => tookMs))).toBeLessThan(limits.redisCallMsMax + 500);
  expect(load.losses).toEqual([]);
});

test("a black-holed connection on which nobody calls is found as well", async () => {
  await load.end();
  proxy.freeze(/./);
  const lookedMs = limits.redisLookEveryMs + limits.redisCallMsMax + 1_500;
  await eventually(
    async () => expect(await observed.expose()).toContain('moa_redis_reconnects_total{purpose="commands"} 1'),
    lookedMs,
  );
  expect(await pod.appender.append({ lane: 0, by: "g.2", number: 1, events: ["x"] })).toMatchObject({
    outcome: "appended",
  });
});
