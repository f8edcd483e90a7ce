/**
 * Runbooks' `moa` lines, typed at real pods in the condition that the runbook is about: each ends as its runbook says.
 * The table is in runbook-trials.ts. The conditions are in an order that lets one site bear them all.
 */
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { redisBackends } from "#common/backends/redis/backends.ts";
import { systemClock } from "#common/backends/system/clock.ts";
import { systemRandom } from "#common/backends/system/random.ts";
import { encodeAction } from "#common/contract/codec.ts";
import { keysFor } from "#common/contract/keys.ts";
import { createLogger } from "#common/observe/logger.ts";
import { createMetrics } from "#common/observe/metrics.ts";
import { topology } from "#test/fixtures/balances.ts";
import { KEY_PREFIX } from "#test/fixtures/own-stack.ts";
import { freshBot, patience, RawPhone } from "#test/fixtures/raw-phone.ts";
import { metricOf } from "#test/stack/site.ts";
import { LastingTrials, lastingTrials } from "./lasting-trials.ts";
import { TrialSite } from "./trial-site.ts";
import { podTrials } from "./trials-of-pods.ts";
import { mysqlTrials, redisTrials, unaccountedTrial } from "./trials-of-stores.ts";
import { KEYS, writerTrials } from "./trials-of-writers.ts";

/** Who stands still is found by not saying that it lives, long before its answer is late (20 s). */
const STANDING_MS_MAX = 12_000;

let site: TrialSite;
let lasting: LastingTrials;
beforeAll(async () => {
  site = await TrialSite.open({ MOA_HMAC_KEYS: JSON.stringify(KEYS) });
  lasting = await LastingTrials.begin(site);
});
afterAll(async () => {
  await lasting?.end();
  await site?.remove();
});

test("a writer's phone reads and says nothing any more", async () => {
  const bot = freshBot();
  const writer = (await RawPhone.identified(site.port(0), bot, "device 0")).echoPings();
  await site.writes(bot, "device 0");
  const standby = site.phoneOf(bot, 1);
  await vi.waitFor(
    async () => expect((await site.moa("why", bot, "--json")).json.candidates).toHaveLength(2),
    patience,
  );
  writer.socket.pause();
  standby.say({ room: "방", channel: "1", sender: "홍길동", userHash: "u", text: "# echo where" });
  // Its pod waits for what was written to it, in vain: that it does not come about in time is exit code 1.
  await site.type("a writer's phone reads and says nothing any more", {
    named: { BOT: bot, POD: "gateway-2" },
    also: [1],
  });
});

test("a money action waits for an operator", async () => {
  const bot = freshBot();
  await RawPhone.identified(site.port(0), bot).then((phone) => phone.echoPings());
  await site.writes(bot, `device of ${bot}`);
  const tools = { clock: systemClock(), random: systemRandom(), metrics: createMetrics(false).metrics };
  const log = createLogger("test", "silent");
  const keys = keysFor(topology, KEY_PREFIX);
  const redis = redisBackends({ url: site.stack.redisUrl, keys, topology, laneBacklogMax: 1, log, ...tools });
  await redis.start();
  onTestFinished(() => redis.close());
  const said = { v: 1, kind: "text", id: "a:0", text: "paid", bot, channel: "1", room: "방", deadline: 1 } as const;
  await redis.held.hold({ bot, id: "a:0", heldAt: 1, action: encodeAction({ ...said, inDoubt: "hold" }) });
  await site.type("a money action waits for an operator", { named: { BOT: bot, ID: "a:0" } });
});

test("a command threw", async () => {
  const phone = (await RawPhone.identified(site.port(0))).echoPings();
  phone.say("# stumble once");
  const parked = async () => (await site.moa("parked", "list", "--json")).json.parked as readonly { ref: string }[];
  await vi.waitFor(async () => expect(await parked()).toHaveLength(1), patience);
  await site.type("a command threw", { named: { REF: (await parked())[0]?.ref as string } });
  await phone.until(() => phone.shown.includes("got up: once"), "the answer of the rerun");
});

test("two phones with one identity throw each other out", async () => {
  const bot = freshBot();
  for (const gateway of [0, 1]) site.phoneOf(bot, gateway, "one and the same");
  await site.writes(bot, "one and the same");
  await site.type("two phones with one identity throw each other out", {
    named: { BOT: bot, DEVICE: "one and the same" },
  });
});

test("a bot's second phone leaves", async () => {
  const bot = freshBot();
  const [first, second] = [site.phoneOf(bot, 0), site.phoneOf(bot, 1)];
  await vi.waitFor(
    async () => expect((await site.moa("why", bot, "--json")).json.candidates).toHaveLength(2),
    patience,
  );
  await second.close();
  await site.type("a bot's second phone leaves", { named: { BOT: bot } });
  await first.close();
});

test("a phone sends what nobody can read", async () => {
  const phone = (await RawPhone.identified(site.port(0))).echoPings();
  phone.send("no JSON\n");
  const read = () => metricOf(site.stack.gateways, "moa_frame_errors_total", 'reason="not_json"');
  await vi.waitFor(async () => expect(await read()).toBe(1), patience);
  await site.type("a phone sends what nobody can read");
  expect(phone.isClosed).toBe(false);
});

test("a connected phone is not let in", async () => {
  const bot = freshBot();
  const device = `device of ${bot}`;
  await RawPhone.identified(site.port(0), bot);
  await site.writes(bot, device);
  expect((await site.moa("devices", "deny", bot, device)).code).toBe(0);
  await site.type("a connected phone is not let in", { named: { BOT: bot, DEVICE: device } });
});

writerTrials(() => site);
podTrials(() => site);
mysqlTrials(() => site);
lastingTrials(() => lasting);
redisTrials(() => site);

test("Redis is set to lose data, and nearly full", async () => {
  const redis = new Redis(site.stack.redisUrl);
  onTestFinished(() => redis.disconnect());
  await redis.config("SET", "maxmemory", 64 * 1024 * 1024);
  await redis.config("SET", "maxmemory-policy", "allkeys-lru");
  const doctor = await site.moa("doctor");
  expect([doctor.code, doctor.out]).toEqual([1, expect.stringContaining("maxmemory-policy noeviction")]);
  await site.type("Redis is set to lose data, and nearly full", { also: [1] });
  const unfit = () => metricOf(site.stack.gateways, "moa_redis_unfit_servers", 'fault="eviction"');
  await vi.waitFor(async () => expect(await unfit()).toBe(2), patience);
  expect(await metricOf(site.stack.gateways, "moa_redis_memory_used_ratio")).toBeGreaterThan(0);
  await redis.config("SET", "maxmemory-policy", "noeviction");
  await redis.config("SET", "maxmemory", 0);
});

test("MySQL is away", async () => {
  await site.stack.mariadb?.kill();
  await site.typeInOutage("MySQL is away");
  expect((await site.moa("doctor")).code).toBe(1);
  await site.stack.mariadb?.start();
  await site.well();
});

test("Redis does not answer", async () => {
  await site.stack.redis?.pause();
  await site.typeInOutage("Redis does not answer");
  expect((await site.moa("doctor")).code).toBe(1);
  site.stack.redis?.signal("SIGCONT");
  await site.well();
});

test("Redis comes back empty", async () => {
  const redis = new Redis(site.stack.redisUrl, { retryStrategy: null });
  await redis.flushall();
  redis.disconnect();
  await site.stack.redis?.kill();
  await site.stack.redis?.start();
  await vi.waitFor(async () => expect((await site.moa("lanes")).code).toBe(0), patience);
  await site.type("Redis comes back empty");
  await site.well();
});

test("a gateway stands still", async () => {
  await site.child("gateways", 0).pause();
  const typedAt = performance.now();
  await site.typeInOutage("a gateway stands still");
  expect(performance.now() - typedAt).toBeLessThan(STANDING_MS_MAX);
  site.child("gateways", 0).signal("SIGCONT");
  await site.well();
});

test("pods that have been through all this show at most 2,000 series each, and name no bot, device or room", async () => {
  for (const { ports } of [...site.stack.gateways, ...site.stack.workers]) {
    const page = await (await fetch(`http://127.0.0.1:${ports.ops}/metrics`)).text();
    const series = page.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    expect(series.length).toBeGreaterThan(500);
    expect(series.length).toBeLessThanOrEqual(2_000);
    expect(series.filter((line) => /raw-bot|device \S|one and the same|방/.test(line))).toEqual([]);
  }
  expect(await metricOf(site.stack.workers, "moa_lane_unaccounted_events")).toBe(0);
});

test("a worker stands still", async () => {
  await site.child("workers", 0).pause();
  await site.typeInOutage("a worker stands still", { named: { BOT: "nobody" }, also: [1, 3, 5] });
  site.child("workers", 0).signal("SIGCONT");
  await site.well();
});

unaccountedTrial(() => site);

test("no worker runs", async () => {
  for (const i of [0, 1]) await site.child("workers", i).kill();
  await site.typeInOutage("no worker runs");
  for (const i of [0, 1]) await site.child("workers", i).start();
  await site.well();
});

test("no gateway runs", async () => {
  for (const i of [0, 1]) await site.child("gateways", i).kill();
  await site.type("no gateway runs");
});
