/** What is Redis' own: how it is set up, what it forgets by itself, scripts that it does not know. */
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Backends } from "#common/backends/backends.ts";
import { redisBackends } from "#common/backends/redis/backends.ts";
import { limits } from "#common/contract/limits.ts";
import { ask, WAITING_FOR_REPLICAS } from "#scripts/stack/redis-sentinel.ts";
import { type RedisServer, startRedis } from "#test/fixtures/redis.ts";
import { startCluster, startSentinels } from "#test/fixtures/redis-kinds.ts";
import { freshKeys, laneBacklogMax, redisPods, toolsOfTests, topology } from "./on-every-backend.ts";
import { candidate, ending, granted } from "./writer-steps.ts";

let server: RedisServer;
let admin: Redis;
const pods: Backends[] = [];

beforeAll(async () => {
  server = await startRedis();
  admin = new Redis(server.url);
});

afterAll(async () => {
  await Promise.all(pods.map((pod) => pod.close()));
  admin.disconnect();
  await server.stop();
});

async function started(keys = freshKeys()): Promise<Backends> {
  const pod = redisPods({ url: server.url }, keys)();
  pods.push(pod);
  await pod.start();
  return pod;
}

test("a Redis that evicts is refused, and the error says what to set", async () => {
  await admin.config("SET", "maxmemory-policy", "allkeys-lru");
  await expect(started()).rejects.toMatchObject({
    code: "server_unfit",
    message: expect.stringContaining("noeviction"),
  });
  await admin.config("SET", "maxmemory-policy", "noeviction");
  await started();
});

test("a Redis that keeps nothing over a restart is used, and the log says so at the start", async () => {
  const said: unknown[] = [];
  const tools = toolsOfTests();
  const log = Object.assign(Object.create(tools.log), { warn: (...line: unknown[]) => said.push(...line) });
  const startedWith = async (kept: "yes" | "no") => {
    await admin.config("SET", "appendonly", kept);
    const pod = redisBackends({ ...tools, log, url: server.url, keys: freshKeys(), topology, laneBacklogMax });
    pods.push(pod);
    await pod.start();
  };
  await startedWith("no");
  expect(said).toContainEqual(expect.stringContaining("has no append-only file"));
  said.length = 0;
  await startedWith("yes");
  expect(said).toEqual([]);
});

test("a master that writes without its replicas is refused, unless one insists", async () => {
  const { place, servers, stop } = await startSentinels([]);
  try {
    const options = { ...place, keys: freshKeys(), topology, laneBacklogMax, ...toolsOfTests() };
    const careful = redisBackends(options);
    pods.push(careful);
    await expect(careful.start()).rejects.toMatchObject({
      code: "server_unfit",
      message: expect.stringContaining("min-replicas-to-write 1 and min-replicas-max-lag 2"),
    });
    const { port } = await servers.current();
    await ask(port, ["config", "set", "min-replicas-to-write", 1, "min-replicas-max-lag", 2]);
    await careful.start();
    await ask(port, ["config", "set", "min-replicas-max-lag", 10]);
    await expect(careful.start()).rejects.toMatchObject({ code: "server_unfit" });
    const insisting = redisBackends({ ...options, insecure: true });
    pods.push(insisting);
    await insisting.start();
  } finally {
    await stop();
  }
});

test("a Cluster of which one master evicts is refused, and a node of it is no single server", async () => {
  const { place, servers, stop } = await startCluster(WAITING_FOR_REPLICAS);
  try {
    const options = { keys: freshKeys(), topology, laneBacklogMax, ...toolsOfTests() };
    const whole = redisBackends({ ...place, ...options });
    pods.push(whole);
    await whole.start();
    await ask(servers.nodes[2]?.port ?? 0, ["config", "set", "maxmemory-policy", "allkeys-lru"]);
    await expect(whole.start()).rejects.toMatchObject({
      code: "server_unfit",
      message: expect.stringContaining("noeviction"),
    });
    expect((await whole.checkup.checkup()).filter(({ verdict }) => verdict === "bad")).toEqual([
      expect.objectContaining({ check: `redis ${servers.nodes[2]?.address} eviction policy` }),
    ]);
    const single = redisBackends({ url: `redis://${servers.nodes[0]?.address}`, ...options });
    pods.push(single);
    await expect(single.start()).rejects.toMatchObject({ message: expect.stringContaining("MOA_REDIS_CLUSTER") });
  } finally {
    await stop();
  }
});

test("a server that forgot the scripts is taught them again", async () => {
  const { appender } = await started();
  await appender.append({ lane: 0, by: "g.1", number: 1, events: ["a"] });
  await admin.script("FLUSH");
  expect(await appender.append({ lane: 0, by: "g.1", number: 2, events: ["a"] })).toMatchObject({
    outcome: "appended",
  });
});

test("a read that Redis refuses is not refused as fast as it can be asked", async () => {
  const keys = freshKeys();
  const { lanes } = await started(keys);
  await admin.set(keys.inbound(0), "of another type");
  const untilMs = performance.now() + 500;
  let refused = 0;
  while (performance.now() < untilMs) {
    await lanes.read(new Map([[0, "0-0"]]), 1_000).catch(() => refused++);
  }
  expect(refused).toBeGreaterThan(0);
  expect(refused).toBeLessThan(100);
});

test("an error carries nothing of what was said", async () => {
  const keys = freshKeys();
  const { appender, outboxWriter } = await started(keys);
  await admin.set(keys.inbound(0), "of another type");
  await admin.set(keys.outbox("bot"), "of another type");
  const secret = "비밀";
  const failures = await Promise.allSettled([
    appender.append({ lane: 0, by: "g.1", number: 1, events: [secret] }),
    outboxWriter.enqueue([
      { bot: "bot", lane: 0, epoch: 1, event: "aaaaaaaaaaaaaaaa", deadline: Date.now() + 9_000, actions: [secret] },
    ]),
  ]);
  const [first] = failures;
  expect(first).toMatchObject({ reason: { code: "redis_unavailable" } });
  for (const failure of failures) {
    if (failure.status === "rejected") {
      expect(JSON.stringify({ ...failure.reason, message: failure.reason.message })).not.toContain(secret);
      expect(failure.reason.cause).toBeUndefined();
    }
  }
});

test("an incarnation silent for an hour is forgotten when another one appends first", async () => {
  const keys = freshKeys();
  const { appender } = await started(keys);
  const old = Date.now() - limits.appendedAgainMsMax - 60_000;
  await admin.hset(keys.lane(0), "a:gone", `7:${old}`, "a:recent", `7:${Date.now() - 60_000}`, "owner", "w.1");
  await appender.append({ lane: 0, by: "new", number: 1, events: ["a"] });
  const fields = await admin.hkeys(keys.lane(0));
  expect(fields.filter((field) => field.startsWith("a:")).sort()).toEqual(["a:new", "a:recent"]);
});

test("actions that expired long ago go when more come, and the reader is told where the rest begins", async () => {
  const keys = freshKeys();
  const { outboxWriter, outboxReader } = await started(keys);
  const long = Date.now() - limits.dedupeBeyondDeadlineMs - 1_000;
  await admin.hset(keys.outboxMeta("bot"), "gen", "g", "first", 1, "next", 101);
  for (let i = 1; i <= 100; i++) {
    await admin.xadd(keys.outbox("bot"), `${i}-0`, "a", `${i}`, "d", i <= 80 ? long : Date.now() + 60_000);
  }
  const fresh = { bot: "bot", lane: 0, epoch: 1, event: "aaaaaaaaaaaaaaaa", deadline: Date.now() + 9_000 };
  await outboxWriter.enqueue([{ ...fresh, actions: ["new"] }]);
  const piece = await outboxReader.read("bot", 1);
  expect(piece).toMatchObject({ generation: "g", firstSequence: 81 });
  expect(piece.actions).toEqual([...Array.from({ length: 20 }, (_, i) => `${81 + i}`), "new"]);
});

test("all that is kept for a while only expires by itself", async () => {
  const keys = freshKeys();
  const { held, lanes, membership, outboxWriter, writers } = await started(keys);
  const taken = await lanes.take({ lane: 0, epoch: 0, owner: null }, "w.1");
  const nothing = { position: null, rows: [], counts: {}, parked: [] };
  await lanes.commit({ ...nothing, lane: 0, epoch: taken?.epoch ?? 0, number: 1, seen: ["aaaaaaaaaaaaaaaa"] });
  await membership.join("worker", "w.1");
  await writers.enrol(candidate("c.1", "g.1"));
  await granted(writers, candidate("c.1", "g.1"));
  await held.hold({ bot: "bot", id: "a:0", heldAt: 1_000, action: "x" });
  const deadline = Date.now() + 9_000;
  await outboxWriter.enqueue([{ bot: "bot", lane: 0, epoch: 1, event: "bbbbbbbbbbbbbbbb", deadline, actions: ["x"] }]);

  const prefix = keys.lane(0).slice(0, keys.lane(0).indexOf("{"));
  const lives = new Map<string, number>();
  for (const key of await admin.keys(`${prefix}*`)) lives.set(key.replace(/^.*?\}:/, ""), await admin.pttl(key));
  const kept = [...lives].filter(([, ms]) => ms === -1).map(([key]) => key);
  expect(kept.sort()).toEqual([
    "candidates:bot",
    "held-ages",
    "held:bot",
    "lane:0",
    "members:worker",
    "meta:bot",
    "out:bot",
  ]);
  const bounded = [...lives].filter(([, ms]) => ms > 0).map(([key]) => key.split(":")[0]);
  expect(bounded.sort()).toEqual(["dirty", "ids", "life", "seen"]);
});

test("a Redis that lost a reign numbers the next one above all that the caller has seen, and refuses what is of the lost", async () => {
  const keys = freshKeys();
  const { outboxReader, outboxWriter, writers } = await started(keys);
  const ahead = Date.now() + 3_600_000;
  const lost = await granted(writers, candidate("c.1", "g.1"), { atLeast: ahead });
  await admin.del(keys.outboxMeta("bot"));
  expect(await writers.end("bot", lost, ending(1))).toBe(false);
  const found = await granted(writers, candidate("c.2", "g.2"), { atLeast: lost.epoch });
  expect(found.epoch).toBe(lost.epoch + 1);
  expect(found.generation).not.toBe(lost.generation);

  // Nobody told the one who took meanwhile: its epoch is the same, its id is not.
  await admin.hset(keys.outboxMeta("bot"), "tenure", lost.epoch);
  const deadline = Date.now() + 9_000;
  await outboxWriter.enqueue([{ bot: "bot", lane: 0, epoch: 1, event: "cccccccccccccccc", deadline, actions: ["x"] }]);
  const upTo = { bot: "bot", generation: found.generation, upTo: 1 };
  expect(await outboxReader.confirm([{ ...lost, ...upTo }])).toEqual([false]);
  expect(await writers.end("bot", lost, ending(1))).toBe(false);
  expect(await outboxReader.confirm([{ ...upTo, epoch: lost.epoch, id: found.id }])).toEqual([true]);
});
