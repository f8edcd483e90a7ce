/** An operator's hands on who writes: `moa why`, `failover`, `hold`, `release`, `held` and `drain` against two gateways. */
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import type { Backends } from "#common/backends/backends.ts";
import { redisBackends } from "#common/backends/redis/backends.ts";
import { systemClock } from "#common/backends/system/clock.ts";
import { systemRandom } from "#common/backends/system/random.ts";
import { encodeAction } from "#common/contract/codec.ts";
import { keysFor } from "#common/contract/keys.ts";
import { createLogger } from "#common/observe/logger.ts";
import { createMetrics } from "#common/observe/metrics.ts";
import { Phone } from "#scripts/phone/phone.ts";
import type { Child } from "#scripts/stack/child.ts";
import { topology } from "#test/fixtures/balances.ts";
import { moaOf, type Ran, TOKEN } from "#test/fixtures/moa.ts";
import { KEY_PREFIX } from "#test/fixtures/own-stack.ts";
import { freshBot, patience } from "#test/fixtures/raw-phone.ts";
import { stackOfFile } from "#test/fixtures/stack.ts";

interface Seat {
  readonly device: string;
  readonly pod: string;
  readonly connection: string;
  readonly epoch: number;
}

const MOVED_MS_MAX = 3_000;

let world: Awaited<ReturnType<typeof stackOfFile>>;
let redis: Backends;

beforeAll(async () => {
  world = await stackOfFile({ gateways: 2, workers: 1, env: { MOA_OPS_TOKEN: TOKEN } });
  const tools = { clock: systemClock(), random: systemRandom(), metrics: createMetrics(false).metrics };
  const keys = keysFor(topology, KEY_PREFIX);
  const log = createLogger("test", "silent");
  redis = redisBackends({ url: world.stack.redisUrl, keys, topology, laneBacklogMax: 1, log, ...tools });
  await redis.start();
});
afterAll(async () => {
  await redis?.close();
  await world?.remove();
});

const moa = (...words: readonly string[]): Promise<Ran> =>
  moaOf([...world.stack.gateways, ...world.stack.workers])(...words);
const writerOf = async (bot: string) => (await moa("why", bot, "--json")).json.holder as Seat | null;
const auditOf = async (subject: string) => {
  const { json } = await moa("audit", "--json");
  const rows = json.audit as { subject: string; action: string; who: string; before: string; after: string }[];
  return rows.filter((one) => one.subject === subject);
};

/** A phone of the bot, and what it shows. It comes and writes, or it comes and stands by. */
class Seated {
  readonly phone: Phone;
  readonly shown: string[] = [];

  constructor(bot: string, gateway: number) {
    const port = world.stack.gateways[gateway]?.ports.bridge as number;
    const device = `gateway ${gateway + 1}`;
    this.phone = new Phone({ host: "127.0.0.1", port, bot, device, dialect: "v333", hurry: 10 });
    this.phone.events.on("shown", ({ text }) => this.shown.push(String(text)));
    onTestFinished(() => this.phone.close());
    this.phone.connect();
  }

  ask(text: string): void {
    this.phone.say({ room: "방", channel: "1", sender: "홍길동", userHash: "u", text: `# echo ${text}` });
  }

  async shows(text: string): Promise<void> {
    await vi.waitFor(() => expect(this.shown).toContain(`에코: ${text}`), patience);
  }
}

/** The first connects to gateway 1 and writes, the second to gateway 2 and stands by. */
async function pair(): Promise<{ bot: string; first: Seated; second: Seated }> {
  const bot = freshBot();
  const first = new Seated(bot, 0);
  await vi.waitFor(async () => expect(await writerOf(bot)).toMatchObject({ device: "gateway 1" }), patience);
  const second = new Seated(bot, 1);
  const both = async () => expect((await moa("why", bot, "--json")).json.candidates).toHaveLength(2);
  await vi.waitFor(both, patience);
  return { bot, first, second };
}

test("moa why says who writes, where, under which epoch, who stands by, and that nothing waits", async () => {
  const { bot, first } = await pair();
  first.ask("here");
  await first.shows("here");
  await vi.waitFor(async () => expect((await moa("why", bot)).out).toContain("it writes, and nothing waits"), patience);
  const { code, json, out } = await moa("why", bot, "--json");
  expect(code).toBe(0);
  expect(json.holder).toMatchObject({ device: "gateway 1", pod: "gateway-1", podLives: true });
  expect(json.candidates).toMatchObject([
    { device: "gateway 2", pod: "gateway-2", podLives: true },
    { device: "gateway 1", pod: "gateway-1", podLives: true },
  ]);
  expect(out).not.toContain("here");
});

test("moa why of a bot whose phone left says since when; of one that never was, exit code 3", async () => {
  const bot = freshBot();
  const only = new Seated(bot, 0);
  await vi.waitFor(async () => expect(await writerOf(bot)).toMatchObject({ device: "gateway 1" }), patience);
  await only.phone.close();
  const gone = /^nobody writes: no connection is enrolled; the phone has not come back since \d{4}-.*Z\n/;
  await vi.waitFor(async () => expect((await moa("why", bot)).out).toMatch(gone), patience);
  expect((await moa("why", "nobody-of-that-name")).code).toBe(3);
});

test("a failover moves the writer without loss, once for an epoch, and is on record", async () => {
  const { bot, first, second } = await pair();
  const before = (await writerOf(bot)) as Seat;
  const tried = await moa("failover", bot, "--dry-run", "--json");
  expect(tried.json).toMatchObject({ outcome: "would_move", heirs: [{ device: "gateway 2" }] });
  expect(await writerOf(bot)).toMatchObject({ epoch: before.epoch });
  const moved = await moa("failover", bot, "--json");
  expect([moved.code, moved.json]).toMatchObject([0, { outcome: "moved", after: { device: "gateway 2" } }]);
  expect(moved.json.tookMs).toBeLessThan(MOVED_MS_MAX);
  first.ask("to the second");
  await second.shows("to the second");
  expect(first.shown).toEqual([]);
  const again = await moa("failover", bot, "--epoch", `${before.epoch}`);
  expect([again.code, again.out]).toEqual([0, expect.stringMatching(/is over already: nothing was changed/)]);
  expect(await writerOf(bot)).toMatchObject({ device: "gateway 2" });
  expect(await auditOf(bot)).toMatchObject([
    { action: "writer.failover", who: expect.stringMatching(/@/), before: expect.stringContaining(before.connection) },
  ]);
});

test("a failover to a named connection goes to that one, and back; to a name that is none, nowhere", async () => {
  const { bot } = await pair();
  const first = (await writerOf(bot)) as Seat;
  expect((await moa("failover", bot)).code).toBe(0);
  const back = await moa("failover", bot, "--to", first.connection, "--json");
  expect([back.code, back.json]).toMatchObject([0, { outcome: "moved", after: { connection: first.connection } }]);
  const same = await moa("failover", bot, "--to", first.connection, "--json");
  expect([same.code, same.json.outcome]).toEqual([0, "same"]);
  expect((await moa("failover", bot, "--to", "nowhere")).code).toBe(3);
  expect(await writerOf(bot)).toMatchObject({ epoch: (back.json.after as Seat).epoch });
});

test("what a held bot is to say waits, over a failover too, until it is released", async () => {
  const { bot, first, second } = await pair();
  expect([(await moa("hold", bot)).code, (await moa("hold", bot)).out]).toEqual([0, `${bot}: is held already\n`]);
  first.ask("later");
  await vi.waitFor(
    async () => expect((await moa("why", bot)).out).toMatch(/^an operator holds it; 1 action waits/),
    patience,
  );
  expect((await moa("failover", bot)).code).toBe(0);
  expect([...first.shown, ...second.shown]).toEqual([]);
  expect((await moa("release", bot)).code).toBe(0);
  await second.shows("later");
  expect((await auditOf(bot)).map(({ action }) => action)).toEqual([
    "writer.release",
    "writer.failover",
    "writer.hold",
  ]);
});

test("a held action is listed, shown when it is resent though its time was over, or forgotten", async () => {
  const { bot, first } = await pair();
  const said = { v: 1, kind: "text", bot, channel: "1", room: "방", deadline: 1, inDoubt: "hold" } as const;
  const held = [
    { id: "a:0", text: "paid", heldAt: 1 },
    { id: "b:0", text: "twice?", heldAt: 2 },
  ];
  for (const { heldAt, ...one } of held) {
    await redis.held.hold({ bot, id: one.id, heldAt, action: encodeAction({ ...said, ...one }) });
  }
  const list = async () => (await moa("held", bot, "list", "--json")).json.held;
  expect(await list()).toMatchObject([{ id: "a:0", says: "paid" }, { id: "b:0" }]);
  expect((await moa("held", bot, "resend", "a:0")).code).toBe(0);
  await vi.waitFor(() => expect(first.shown).toEqual(["paid"]), patience);
  expect((await moa("held", bot, "discard", "b:0")).code).toBe(0);
  expect(await list()).toEqual([]);
  expect((await moa("held", bot, "resend", "a:0")).code).toBe(3);
  expect((await moa("held", bot, "resend")).code).toBe(2);
  expect(JSON.stringify(await auditOf(`${bot} a:0`))).not.toContain("paid");
  expect(await auditOf(`${bot} b:0`)).toMatchObject([{ action: "held.discard" }]);
});

test("a drained gateway has no connection and no writer left, loses nothing, and runs on unready", async () => {
  const { bot, second } = await pair();
  second.ask("before");
  expect((await moa("drain", "gateway-9")).code).toBe(3);
  expect((await moa("drain", "worker-1")).code).toBe(2);
  const drained = await moa("drain", "gateway-1", "--json");
  expect([drained.code, drained.json]).toEqual([0, { pod: "gateway-1", state: "drained", connections: 0 }]);
  expect(await writerOf(bot)).toMatchObject({ device: "gateway 2" });
  second.ask("after");
  await second.shows("after");
  const ops = world.stack.gateways[0]?.ports.ops;
  const probes = ["livez", "readyz"].map(async (path) => (await fetch(`http://127.0.0.1:${ops}/${path}`)).status);
  expect(await Promise.all(probes)).toEqual([200, 503]);
  expect((await moa("drain", "gateway-1")).code).toBe(0);
  expect(await auditOf("gateway-1")).toMatchObject([{ action: "pod.drain", before: "serving", after: "draining" }]);
  const child = world.stack.gateways[0]?.child as Child;
  await child.stop();
  expect(child.logTail(5)).toMatch(/"msg":"stopped"/);
});
