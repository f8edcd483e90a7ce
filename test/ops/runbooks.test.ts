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
import { pause } from "#common/kernel/clock.ts";
import { createLogger } from "#common/observe/logger.ts";
import { createMetrics } from "#common/observe/metrics.ts";
import { Phone } from "#scripts/phone/phone.ts";
import type { Child } from "#scripts/stack/child.ts";
import { topology } from "#test/fixtures/balances.ts";
import { moaOf, type Ran, TOKEN } from "#test/fixtures/moa.ts";
import { KEY_PREFIX } from "#test/fixtures/own-stack.ts";
import { freshBot, patience, RawPhone } from "#test/fixtures/raw-phone.ts";
import { stackOfFile } from "#test/fixtures/stack.ts";
import { metricOf } from "#test/stack/site.ts";
import { run } from "../../console/cli/program.ts";
import { type Condition, trials } from "./runbook-trials.ts";
import { type Line, linesOf, runbookText, wordsOf } from "./runbooks.ts";

const ODD_WORKER = `${import.meta.dirname}/../fixtures/odd-worker.ts`;
/** 1: what it needs is away; 5: a pod did not answer. */
const AWAY = [1, 5];

let world: Awaited<ReturnType<typeof stackOfFile>>;
beforeAll(async () => {
  world = await stackOfFile({ gateways: 2, workers: 2, workerMain: ODD_WORKER, env: { MOA_OPS_TOKEN: TOKEN } });
});
afterAll(() => world?.remove());

const moa = (...words: readonly string[]): Promise<Ran> =>
  moaOf([...world.stack.gateways, ...world.stack.workers])(...words);
const port = (gateway: number) => world.stack.gateways[gateway]?.ports.bridge as number;
const child = (kind: "gateways" | "workers", i: number) => world.stack[kind][i]?.child as Child;

/** As console/cli/main.ts runs it, without a process of its own: there are a hundred lines. */
async function typed(words: readonly string[]): Promise<{ readonly code: number; readonly said: string }> {
  const pods = [...world.stack.gateways, ...world.stack.workers];
  const env = { MOA_OPS_URL: pods.map(({ ports }) => `http://127.0.0.1:${ports.ops}`).join(","), MOA_OPS_TOKEN: TOKEN };
  const clock = systemClock();
  let said = "";
  const say = (text: string) => {
    said += text;
  };
  const code = await run(words, {
    env,
    addressesOf: async () => [],
    terminal: null,
    who: "operator@test",
    settings: () => [],
    nowMs: () => clock.nowMs(),
    pause: (ms) => pause(clock, ms),
    out: say,
    err: say,
  });
  return { code, said };
}

/** Each line of the condition's runbooks once. */
function linesAbout(condition: Condition): readonly Line[] {
  const lines = trials[condition].flatMap((name) => linesOf(runbookText(name), "moa"));
  const once = [...new Map(lines.map((line) => [line.text, line])).values()];
  expect(once.length).toBeGreaterThan(0);
  return once;
}

type Names = Readonly<Record<string, string>>;

async function typeLine({ text, exits }: Line, named: Names, also: readonly number[]): Promise<void> {
  const words = wordsOf(text).map((word) => named[word] ?? word);
  expect(
    words.filter((word) => /^[A-Z]+$/.test(word)),
    text,
  ).toEqual([]);
  const { code, said } = await typed(words);
  expect([...exits, ...also], `${text}\n${said}`).toContain(code);
}

/** One after another; emptying a gateway comes last, and it is started again. */
async function type(condition: Condition, named: Names = {}, also: readonly number[] = []): Promise<void> {
  const lines = linesAbout(condition);
  const isDrain = ({ text }: Line) => text.includes(" drain ");
  for (const line of lines.filter((one) => !isDrain(one))) await typeLine(line, named, also);
  for (const line of lines.filter(isDrain)) {
    await typeLine(line, named, also);
    await child("gateways", 1).stop();
    await child("gateways", 1).start();
  }
}

/** All at once: each may wait for what is away. */
async function typeInOutage(condition: Condition, named: Names = {}, also: readonly number[] = AWAY): Promise<void> {
  await Promise.all(linesAbout(condition).map((line) => typeLine(line, named, also)));
}

/** Real phones, that dial again by themselves. */
function phoneOf(bot: string, gateway: number, device = `device ${gateway}`): Phone {
  const phone = new Phone({ host: "127.0.0.1", port: port(gateway), bot, device, dialect: "v333", hurry: 10 });
  onTestFinished(() => phone.close());
  phone.connect();
  return phone;
}

async function writes(bot: string, device: string): Promise<void> {
  const seen = async () => expect((await moa("why", bot, "--json")).json.holder).toMatchObject({ device });
  await vi.waitFor(seen, patience);
}

test("a writer's phone reads and says nothing any more", async () => {
  const bot = freshBot();
  const writer = (await RawPhone.identified(port(0), bot, "device 0")).echoPings();
  await writes(bot, "device 0");
  const standby = phoneOf(bot, 1);
  await vi.waitFor(async () => expect((await moa("why", bot, "--json")).json.candidates).toHaveLength(2), patience);
  writer.socket.pause();
  standby.say({ room: "방", channel: "1", sender: "홍길동", userHash: "u", text: "# echo where" });
  // Its pod waits for what was written to it, in vain: that it does not come about in time is exit code 1.
  await type("a writer's phone reads and says nothing any more", { BOT: bot, POD: "gateway-2" }, [1]);
});

test("a money action waits for an operator", async () => {
  const bot = freshBot();
  await RawPhone.identified(port(0), bot).then((phone) => phone.echoPings());
  await writes(bot, `device of ${bot}`);
  const tools = { clock: systemClock(), random: systemRandom(), metrics: createMetrics(false).metrics };
  const log = createLogger("test", "silent");
  const keys = keysFor(topology, KEY_PREFIX);
  const redis = redisBackends({ url: world.stack.redisUrl, keys, topology, laneBacklogMax: 1, log, ...tools });
  await redis.start();
  onTestFinished(() => redis.close());
  const said = { v: 1, kind: "text", id: "a:0", text: "paid", bot, channel: "1", room: "방", deadline: 1 } as const;
  await redis.held.hold({ bot, id: "a:0", heldAt: 1, action: encodeAction({ ...said, inDoubt: "hold" }) });
  await type("a money action waits for an operator", { BOT: bot, ID: "a:0" });
});

test("a command threw", async () => {
  const phone = (await RawPhone.identified(port(0))).echoPings();
  phone.say("# stumble once");
  const parked = async () => (await moa("parked", "list", "--json")).json.parked as readonly { ref: string }[];
  await vi.waitFor(async () => expect(await parked()).toHaveLength(1), patience);
  await type("a command threw", { REF: (await parked())[0]?.ref as string });
  await phone.until(() => phone.shown.includes("got up: once"), "the answer of the rerun");
});

test("two phones with one identity throw each other out", async () => {
  const bot = freshBot();
  for (const gateway of [0, 1]) phoneOf(bot, gateway, "one and the same");
  await writes(bot, "one and the same");
  await type("two phones with one identity throw each other out", { BOT: bot, DEVICE: "one and the same" });
});

test("a bot's second phone leaves", async () => {
  const bot = freshBot();
  const [first, second] = [phoneOf(bot, 0), phoneOf(bot, 1)];
  await vi.waitFor(async () => expect((await moa("why", bot, "--json")).json.candidates).toHaveLength(2), patience);
  await second.close();
  await type("a bot's second phone leaves", { BOT: bot });
  await first.close();
});

test("a phone sends what nobody can read", async () => {
  const phone = (await RawPhone.identified(port(0))).echoPings();
  phone.send("no JSON\n");
  const read = () => metricOf(world.stack.gateways, "moa_frame_errors_total", 'reason="not_json"');
  await vi.waitFor(async () => expect(await read()).toBe(1), patience);
  await type("a phone sends what nobody can read");
  expect(phone.isClosed).toBe(false);
});

test("a connected phone is not let in", async () => {
  const bot = freshBot();
  const device = `device of ${bot}`;
  await RawPhone.identified(port(0), bot);
  await writes(bot, device);
  expect((await moa("devices", "deny", bot, device)).code).toBe(0);
  await type("a connected phone is not let in", { BOT: bot, DEVICE: device });
});

test("Redis is set to lose data, and nearly full", async () => {
  const redis = new Redis(world.stack.redisUrl);
  onTestFinished(() => redis.disconnect());
  await redis.config("SET", "maxmemory", 64 * 1024 * 1024);
  await redis.config("SET", "maxmemory-policy", "allkeys-lru");
  const doctor = await moa("doctor");
  expect([doctor.code, doctor.out]).toEqual([1, expect.stringContaining("maxmemory-policy noeviction")]);
  await type("Redis is set to lose data, and nearly full", {}, [1]);
  const unfit = () => metricOf(world.stack.gateways, "moa_redis_unfit_servers", 'fault="eviction"');
  await vi.waitFor(async () => expect(await unfit()).toBe(2), patience);
  expect(await metricOf(world.stack.gateways, "moa_redis_memory_used_ratio")).toBeGreaterThan(0);
  await redis.config("SET", "maxmemory-policy", "noeviction");
  await redis.config("SET", "maxmemory", 0);
});

test("MySQL is away", async () => {
  await world.stack.mariadb?.kill();
  await typeInOutage("MySQL is away");
  expect((await moa("doctor")).code).toBe(1);
  await world.stack.mariadb?.start();
  await well();
});

test("Redis does not answer", async () => {
  await world.stack.redis?.pause();
  await typeInOutage("Redis does not answer");
  expect((await moa("doctor")).code).toBe(1);
  world.stack.redis?.signal("SIGCONT");
  await well();
});

test("Redis comes back empty", async () => {
  const redis = new Redis(world.stack.redisUrl, { retryStrategy: null });
  await redis.flushall();
  redis.disconnect();
  await world.stack.redis?.kill();
  await world.stack.redis?.start();
  await vi.waitFor(async () => expect((await moa("lanes")).code).toBe(0), patience);
  await type("Redis comes back empty");
  await well();
});

test("a gateway stands still", async () => {
  await child("gateways", 0).pause();
  await typeInOutage("a gateway stands still");
  child("gateways", 0).signal("SIGCONT");
  await well();
});

test("pods that have been through all this show at most 2,000 series each, and name no bot, device or room", async () => {
  for (const { ports } of [...world.stack.gateways, ...world.stack.workers]) {
    const page = await (await fetch(`http://127.0.0.1:${ports.ops}/metrics`)).text();
    const series = page.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    expect(series.length).toBeGreaterThan(500);
    expect(series.length).toBeLessThanOrEqual(2_000);
    expect(series.filter((line) => /raw-bot|device \S|one and the same|방/.test(line))).toEqual([]);
  }
  expect(await metricOf(world.stack.workers, "moa_lane_unaccounted_events")).toBe(0);
});

test("a worker stands still", async () => {
  await child("workers", 0).pause();
  await typeInOutage("a worker stands still", { BOT: "nobody" }, [...AWAY, 3]);
  child("workers", 0).signal("SIGCONT");
  await well();
});

test("no worker runs", async () => {
  for (const i of [0, 1]) await child("workers", i).kill();
  await typeInOutage("no worker runs");
  for (const i of [0, 1]) await child("workers", i).start();
  await well();
});

test("no gateway runs", async () => {
  for (const i of [0, 1]) await child("gateways", i).kill();
  await type("no gateway runs");
});

async function well(): Promise<void> {
  await vi.waitFor(async () => expect((await moa("doctor")).code).toBe(0), patience);
}
