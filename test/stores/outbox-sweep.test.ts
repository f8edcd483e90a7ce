import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { systemClock } from "#common/backends/system/clock.ts";
import { ask, type MariaDb, startMariaDb } from "#test/fixtures/mariadb.ts";
import { type RedisServer, startRedis } from "#test/fixtures/redis.ts";
import { outboxSweep } from "#workers/jobs/outbox-sweep.ts";
import { MysqlOutboxRows } from "#workers/stores/outbox-rows.ts";
import { MysqlTurnStore } from "#workers/stores/turn-store.ts";
import { log, metric, type OpenStore, openStore } from "./open-store.ts";
import { backendsOf, type TestBackends, TOPOLOGY } from "./row-copy.ts";

let mariadb: MariaDb;
let redis: RedisServer;
let url: string;
let store: OpenStore;
let backends: TestBackends;
let turns: MysqlTurnStore;

beforeAll(async () => {
  [mariadb, redis] = await Promise.all([startMariaDb(), startRedis()]);
  url = await mariadb.database("moa");
  store = await openStore(url);
  backends = backendsOf(redis.url, store);
  await backends.start();
  turns = new MysqlTurnStore(store.mysql, new Map());
});
afterAll(async () => {
  await backends.close();
  await store.close();
  await Promise.all([mariadb.stop(), redis.stop()]);
});
beforeEach(async () => {
  await ask(url, "DELETE FROM moa_outbox");
});

function sweep(): Promise<void> {
  const rows = new MysqlOutboxRows(store.mysql);
  const handler = outboxSweep({
    rows,
    outbox: backends.outboxWriter,
    lanes: backends.lanes,
    topology: TOPOLOGY,
    clock: systemClock(),
    log,
    metrics: store.metrics.metrics,
  });
  return handler(new AbortController().signal);
}

let events = 0;
/** Open rows as a worker leaves them that died before its outbox call. */
async function leave(bot: string, actions: number, { lane = 1, deadline = Date.now() + 60_000 } = {}): Promise<string> {
  const event = (++events).toString(16).padStart(16, "0");
  const outbox = Array.from({ length: actions }, (_, i) => ({
    id: `${event}:${i}`,
    bot,
    deadline,
    action: `"${event}:${i}"`,
  }));
  await turns.apply({ lane, epoch: 1, event, changes: [], outbox });
  return event;
}
const age = () => ask(url, "UPDATE moa_outbox SET created_at = created_at - INTERVAL 21 SECOND");
const inOutbox = async (bot: string) => (await backends.outboxReader.read(bot, 1)).actions;

test("rows that never reached the outbox are offered once no worker can have them in its hands, and only once", async () => {
  const event = await leave("a", 3);
  await sweep();
  expect(await inOutbox("a")).toEqual([]);
  await age();
  await sweep();
  await sweep();
  expect(await inOutbox("a")).toEqual([0, 1, 2].map((i) => `"${event}:${i}"`));
  expect(await metric(store.metrics, "moa_outbox_open_rows")).toBe(3);
  expect(await metric(store.metrics, "moa_outbox_oldest_age_seconds")).toBeGreaterThan(20);
});

test("what the worker did enqueue is not doubled", async () => {
  const deadline = Date.now() + 60_000;
  const event = await leave("b", 1, { deadline });
  await backends.outboxWriter.enqueue([{ bot: "b", lane: 1, epoch: 1, event, deadline, actions: [`"${event}:0"`] }]);
  await age();
  await sweep();
  expect(await inOutbox("b")).toEqual([`"${event}:0"`]);
});

test("a lane that has changed hands does not fence what MySQL had accepted", async () => {
  const taken = await backends.lanes.take({ lane: 2, epoch: 0, owner: null }, "newer");
  const deadline = Date.now() + 60_000;
  await backends.outboxWriter.enqueue([
    { bot: "c", lane: 2, epoch: taken?.epoch ?? 0, event: "f".repeat(16), deadline, actions: ["newer"] },
  ]);
  await backends.lanes.release(2, taken?.epoch ?? 0);
  const event = await leave("c", 1, { lane: 2, deadline });
  await age();
  await sweep();
  expect(await inOutbox("c")).toEqual(["newer", `"${event}:0"`]);
});

test("more rows than a page are offered whole, event by event", async () => {
  const left: string[] = [];
  for (let n = 0; n < 30; n++) left.push(await leave("d", 11));
  await age();
  await sweep();
  expect(new Set([...(await inOutbox("d"))])).toEqual(
    new Set(left.flatMap((event) => Array.from({ length: 11 }, (_, i) => `"${event}:${i}"`)).slice(0, 256)),
  );
  expect((await backends.outboxReader.heads(["d"]))[0]?.next).toBe(30 * 11 + 1);
});

test("rows past their deadline are not offered, and closed once no receipt can come", async () => {
  await leave("e", 1, { deadline: Date.now() - 1_000 });
  await leave("e", 1, { deadline: Date.now() - 61_000 });
  await age();
  await sweep();
  expect(await inOutbox("e")).toEqual([]);
  expect((await ask(url, "SELECT state FROM moa_outbox ORDER BY event")).map((row) => row.state)).toEqual([
    "open",
    "expired",
  ]);
});
