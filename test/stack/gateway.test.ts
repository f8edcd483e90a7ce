/** Real gateway processes on a real Redis and MariaDB; the test is the phones and the worker. */
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { Backends } from "#common/backends/backends.ts";
import { redisBackends } from "#common/backends/redis/backends.ts";
import { systemClock } from "#common/backends/system/clock.ts";
import { systemRandom } from "#common/backends/system/random.ts";
import { decodeEvent, encodeAction } from "#common/contract/codec.ts";
import type { InboundEvent } from "#common/contract/envelope.ts";
import { type Keys, keysFor } from "#common/contract/keys.ts";
import { limits } from "#common/contract/limits.ts";
import { createLogger } from "#common/observe/logger.ts";
import { createMetrics } from "#common/observe/metrics.ts";
import { type Pod, podOf } from "#scripts/stack/pod.ts";
import { type MariaDb, startMariaDb } from "#test/fixtures/mariadb.ts";
import { type RedisServer, startRedis } from "#test/fixtures/redis.ts";
import { openStore } from "#test/stores/open-store.ts";

const BOT = "LOA.i";
const topology = { shards: 1, lanesPerShard: 2, tags: 1 };
const patience = { timeout: 10_000, interval: 20 };
const clock = systemClock();
const random = systemRandom();
const MAIN = join(import.meta.dirname, "../../gateway/main.ts");
const dir = mkdtempSync(join(tmpdir(), "moa-gateway-"));

let server: RedisServer;
let mariadb: MariaDb;
let mysqlUrl: string;
let redis: Redis;
let keys: Keys;
let prefix: string;
let worker: Backends;
let pods: Pod[];
let phones: Phone[];

/** A phone of the legacy dialect. */
class Phone {
  readonly socket: Socket;
  readonly device: string;
  #text = "";
  closed = false;

  constructor(port: number, device: string) {
    this.device = device;
    this.socket = connect(port, "127.0.0.1");
    this.socket.on("error", () => {});
    this.socket.on("close", () => {
      this.closed = true;
    });
    this.socket.on("data", (chunk: Buffer) => {
      this.#text += chunk.toString();
    });
    phones.push(this);
  }

  handshake(): void {
    this.send({ clientType: "MessengerBotR", botName: BOT, version: "3.2.1", deviceID: this.device });
  }

  say(text: string, logId: string): void {
    const data = { room: "방", text, sender: "홍", isGroupChat: true, channelId: "184", logId, userHash: "h" };
    this.send({ event: "analyze", data: { ...data, isMention: false, botName: BOT, clientType: "MessengerBotR" } });
  }

  send(frame: object): void {
    this.socket.write(`${JSON.stringify(frame)}\n`);
  }

  get frames(): { event: string; data: Record<string, unknown> }[] {
    return this.#text
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  }

  get isWelcome(): boolean {
    return this.frames.some(({ event }) => event === "handshakeComplete");
  }

  get shown(): unknown[] {
    return this.frames.filter(({ event }) => event === "messageResponse").map(({ data }) => data.text);
  }
}

async function startGateway(name: string): Promise<Pod> {
  const env = {
    ...process.env,
    MOA_REDIS_URL: server.url,
    MOA_MYSQL_URL: mysqlUrl,
    MOA_KEY_PREFIX: prefix,
    MOA_SHARDS: `${topology.shards}`,
    MOA_LANES_PER_SHARD: `${topology.lanesPerShard}`,
    MOA_OUTBOX_TAGS: `${topology.tags}`,
    MOA_BRIDGE_PORT: "0",
    MOA_OPS_PORT: "0",
  };
  const pod = podOf({ name, main: MAIN, env, logFile: join(dir, `${prefix}${name}.log`) });
  pods.push(pod);
  await pod.child.start();
  return pod;
}

async function dialIn(pod: Pod, device: string): Promise<Phone> {
  const phone = new Phone(pod.ports.bridge as number, device);
  phone.handshake();
  await vi.waitFor(() => expect(phone.isWelcome).toBe(true), patience);
  return phone;
}

async function written(pod: Pod): Promise<number> {
  const page = await (await fetch(`http://127.0.0.1:${pod.ports.ops}/metrics`)).text();
  return Number(/moa_connections{role="writer",transport="tcp"} (\d+)/.exec(page)?.[1]);
}

async function lines(): Promise<InboundEvent[]> {
  const cursors = new Map(Array.from({ length: topology.lanesPerShard }, (_, lane) => [lane, "0-0"]));
  const entries = await worker.lanes.read(cursors, 10);
  return entries.flatMap(({ events, loggedAtMs }) => events.map((event) => decodeEvent(event, loggedAtMs)));
}

async function answer(text: string, more: object = {}): Promise<void> {
  const event = random.hex(8);
  const deadline = clock.nowMs() + limits.actionMsMax;
  const who = { bot: BOT, channel: "184", room: "방" };
  const action = { v: 1, kind: "text", id: `${event}:0`, ...who, deadline, text } as const;
  const actions = [encodeAction({ ...action, ...more })];
  expect(await worker.outboxWriter.enqueue([{ bot: BOT, lane: 0, epoch: 1, event, deadline, actions }])).toEqual([
    "accepted",
  ]);
}

beforeAll(async () => {
  mariadb = await startMariaDb();
  mysqlUrl = await mariadb.database("gateway");
  await (await openStore(mysqlUrl)).close();
  server = await startRedis(["--appendfsync", "always"]);
  redis = new Redis(server.port, "127.0.0.1");
  redis.on("error", () => {});
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
  await mariadb.stop();
  rmSync(dir, { recursive: true, force: true });
});

beforeEach(async () => {
  prefix = `test-${random.hex(4)}:`;
  keys = keysFor(topology, prefix);
  const log = createLogger("test", "silent");
  const { metrics } = createMetrics(false);
  const laneBacklogMax = 100_000;
  worker = redisBackends({ url: server.url, keys, topology, laneBacklogMax, clock, random, metrics, log });
  await worker.start();
  pods = [];
  phones = [];
});
afterEach(async () => {
  for (const phone of phones) phone.socket.destroy();
  await Promise.all(pods.map((pod) => pod.child.stop()));
  await worker.close();
});

describe("one gateway", () => {
  it("brings a phone's line into its lane and the worker's answer to the phone, confirmed and trimmed", async () => {
    const pod = await startGateway("gw");
    const phone = await dialIn(pod, "d1");
    phone.say("# echo a", "300");
    await vi.waitFor(async () => expect(await lines()).toHaveLength(1), patience);
    expect((await lines())[0]).toMatchObject({
      kind: "chat",
      bot: BOT,
      channel: "184",
      logId: "300",
      text: "# echo a",
    });
    await answer("a", { receipt: true });
    await vi.waitFor(() => expect(phone.shown).toEqual(["a"]), patience);
    await vi.waitFor(
      async () => expect((await lines())[1]).toMatchObject({ kind: "receipt", state: "confirmed" }),
      patience,
    );
    await vi.waitFor(async () => expect(await redis.xlen(keys.outbox(BOT))).toBe(0), patience);
  });

  it("keeps a connection that sent a bad line and an unknown event, and answers the next", async () => {
    const pod = await startGateway("gw");
    const phone = await dialIn(pod, "d1");
    phone.socket.write("{bad\n");
    phone.send({ event: "x", data: {} });
    phone.say("valid", "1");
    await vi.waitFor(async () => expect(await lines()).toHaveLength(1), patience);
    const logged = readFileSync(join(dir, `${prefix}gw.log`), "utf8").split("\n");
    expect(logged.filter((line) => /"level":"error".*"tag":"MSG"/.test(line))).toHaveLength(1);
    expect(logged.join("")).not.toContain("{bad");
    expect(phone.closed).toBe(false);
  });

  it("finds by the stream what the channel lost: a gap at the next piece, the last piece by its mark", async () => {
    const pod = await startGateway("gw");
    const phone = await dialIn(pod, "d1");
    await vi.waitFor(async () => expect(await written(pod)).toBe(1), patience);
    await answer("1");
    await vi.waitFor(() => expect(phone.shown).toEqual(["1"]), patience);
    await redis.call("CLIENT", "KILL", "TYPE", "pubsub");
    await answer("2");
    await vi.waitFor(() => expect(phone.shown).toEqual(["1", "2"]), patience);
    await answer("3");
    await vi.waitFor(() => expect(phone.shown).toEqual(["1", "2", "3"]), patience);
  });

  it("closes a connection that never said who it is after ten seconds", async () => {
    const pod = await startGateway("gw");
    const phone = new Phone(pod.ports.bridge as number, "d1");
    await once(phone.socket, "connect");
    const startedAt = performance.now();
    await once(phone.socket, "close");
    expect(Math.abs(performance.now() - startedAt - limits.handshakeMsMax)).toBeLessThan(1_000);
  });

  it("lets a device in again at once though its old socket reads nothing of what is queued to it", async () => {
    const pod = await startGateway("gw");
    const old = await dialIn(pod, "d1");
    old.socket.pause();
    await vi.waitFor(async () => expect(await written(pod)).toBe(1), patience);
    for (let i = 0; i < 40; i++) await answer("가".repeat(60_000));
    await answer("last");
    const startedAt = performance.now();
    const fresh = await dialIn(pod, "d1");
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    await vi.waitFor(() => expect(fresh.shown.at(-1)).toBe("last"), patience);
    old.socket.resume();
    await vi.waitFor(() => expect(old.closed).toBe(true), patience);
    expect(fresh.closed).toBe(false);
  });

  it("stops with exit code 0 within ten seconds of SIGTERM, and leaves nothing ambiguous", async () => {
    const pod = await startGateway("gw");
    const phone = await dialIn(pod, "d1");
    await answer("1");
    await vi.waitFor(() => expect(phone.shown).toEqual(["1"]), patience);
    const startedAt = performance.now();
    await pod.child.stop();
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    expect(phone.closed).toBe(true);
    expect(readFileSync(join(dir, `${prefix}gw.log`), "utf8")).toContain('"msg":"stopped"');
    expect(await redis.hexists(keys.outboxMeta(BOT), "pod")).toBe(0);
    expect(await worker.membership.live("gateway")).toEqual([]);
  });
});

describe("Redis away", () => {
  it("a restart costs no line and no answer, and closes no connection", async () => {
    const pod = await startGateway("gw");
    const phone = await dialIn(pod, "d1");
    await vi.waitFor(async () => expect(await written(pod)).toBe(1), patience);
    phone.say("before", "1");
    await vi.waitFor(async () => expect(await lines()).toHaveLength(1), patience);
    await server.signal("SIGKILL");
    for (let i = 2; i <= 1_000; i++) phone.say(`${i}`, `${i}`);
    await server.start();
    await vi.waitFor(async () => expect(await lines()).toHaveLength(1_000), patience);
    const ids = (await lines()).map((event) => (event.kind === "chat" ? Number(event.logId) : 0));
    expect(ids).toEqual(Array.from({ length: 1_000 }, (_, i) => i + 1));
    await vi.waitFor(() => answer("after"), patience);
    await vi.waitFor(() => expect(phone.shown).toEqual(["after"]), patience);
    expect(phone.closed).toBe(false);
  });
});

describe("two gateways with one bot", () => {
  it("each answer is shown once, by the newest connection; when its pod drains the other takes over", async () => {
    const [a, b] = await Promise.all([startGateway("a"), startGateway("b")]);
    const first = await dialIn(a, "d1");
    await vi.waitFor(async () => expect(await written(a)).toBe(1), patience);
    await answer("1");
    await vi.waitFor(async () => expect(await redis.xlen(keys.outbox(BOT))).toBe(0), patience);
    const second = await dialIn(b, "d2");
    await vi.waitFor(async () => expect(await written(b)).toBe(1), patience);
    for (let i = 2; i <= 20; i++) await answer(`${i}`);
    await vi.waitFor(() => expect(second.shown).toHaveLength(19), patience);
    await b.child.stop();
    await vi.waitFor(async () => expect(await written(a)).toBe(1), patience);
    await answer("21");
    await vi.waitFor(() => expect(first.shown).toEqual(["1", "21"]), patience);
    expect(second.shown).toEqual(Array.from({ length: 19 }, (_, i) => `${i + 2}`));
  });
});
