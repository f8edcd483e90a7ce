/** What is Redis' own: how it is set up, what it forgets by itself, scripts that it does not know. */
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Backends } from "#common/backends/backends.ts";
import { limits } from "#common/contract/limits.ts";
import { type RedisServer, startRedis } from "#test/fixtures/redis.ts";
import { freshKeys, redisPods } from "./on-every-backend.ts";

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
  const pod = redisPods(server.url, keys)();
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

test("a server that forgot the scripts is taught them again", async () => {
  const { appender } = await started();
  await appender.append({ lane: 0, by: "g.1", number: 1, events: ["a"] });
  await admin.script("FLUSH");
  expect(await appender.append({ lane: 0, by: "g.1", number: 2, events: ["a"] })).toBe("appended");
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
  const { lanes, membership, outboxReader, outboxWriter } = await started(keys);
  const taken = await lanes.take({ lane: 0, epoch: 0, owner: null }, "w.1");
  const nothing = { position: null, rows: [], counts: {}, parked: [] };
  await lanes.commit({ ...nothing, lane: 0, epoch: taken?.epoch ?? 0, number: 1, seen: ["aaaaaaaaaaaaaaaa"] });
  await membership.join("worker", "w.1");
  await outboxReader.attach("bot", "g.1", "c.1");
  const deadline = Date.now() + 9_000;
  await outboxWriter.enqueue([{ bot: "bot", lane: 0, epoch: 1, event: "bbbbbbbbbbbbbbbb", deadline, actions: ["x"] }]);

  const prefix = keys.lane(0).slice(0, keys.lane(0).indexOf("{"));
  const lives = new Map<string, number>();
  for (const key of await admin.keys(`${prefix}*`)) lives.set(key.replace(/^.*?\}:/, ""), await admin.pttl(key));
  const kept = [...lives].filter(([, ms]) => ms === -1).map(([key]) => key);
  expect(kept.sort()).toEqual(["lane:0", "members:worker", "meta:bot", "out:bot"]);
  const bounded = [...lives].filter(([, ms]) => ms > 0).map(([key]) => key.split(":")[0]);
  expect(bounded.sort()).toEqual(["dirty", "ids", "life", "seen"]);
});
