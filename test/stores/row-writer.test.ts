import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createConnection } from "mysql2/promise";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { laneCount } from "#common/contract/lanes.ts";
import { ask, type MariaDb, startMariaDb } from "#test/fixtures/mariadb.ts";
import { type RedisServer, startRedis } from "#test/fixtures/redis.ts";
import { encodeRow } from "#workers/domain/chat-log-row.ts";
import type { RowWriter } from "#workers/intake/row-writer.ts";
import { chatLogRowOf } from "./chat-log-row-of.ts";
import { metric, type OpenStore, openStore } from "./open-store.ts";
import { backendsOf, rowWriterOf, type TestBackends, TOPOLOGY } from "./row-copy.ts";

const LANES = Array.from({ length: laneCount(TOPOLOGY) }, (_, lane) => lane);

let mariadb: MariaDb;
let redis: RedisServer;
let url: string;
let store: OpenStore;
let backends: TestBackends;
const running: RowWriter[] = [];
const pods: ChildProcess[] = [];
const commits = new Map<number, { epoch: number; number: number }>();

beforeAll(async () => {
  [mariadb, redis] = await Promise.all([startMariaDb(), startRedis()]);
  url = await mariadb.database("moa");
  store = await openStore(url);
  backends = backendsOf(redis.url, store);
  await backends.start();
});
afterEach(async () => {
  for (const pod of pods.splice(0)) pod.kill("SIGKILL");
  await Promise.all(running.splice(0).map((writer) => writer.stop()));
});
afterAll(async () => {
  await backends.close();
  await store.close();
  await Promise.all([mariadb.stop(), redis.stop()]);
});

async function startWriter(live: () => readonly string[], me: string): Promise<void> {
  const writer = rowWriterOf(backends, store, { live, me });
  running.push(writer);
  await writer.start();
}

async function startPod(): Promise<ChildProcess> {
  const child = new URL("row-writer-child.ts", import.meta.url).pathname;
  const pod = spawn(process.execPath, [child, redis.url, url], { stdio: ["ignore", "pipe", "ignore"] });
  pods.push(pod);
  await once(pod.stdout, "data");
  return pod;
}

/** Commits rows on a lane as its owner does. */
async function commitRows(lane: number, rows: readonly string[]): Promise<void> {
  let state = commits.get(lane);
  if (state === undefined) {
    const taken = await backends.lanes.take({ lane, epoch: 0, owner: null }, "owner");
    state = { epoch: taken?.epoch ?? 0, number: 0 };
    commits.set(lane, state);
  }
  const commit = {
    lane,
    epoch: state.epoch,
    number: ++state.number,
    position: null,
    seen: [],
    rows,
    counts: {},
    parked: [],
  };
  expect(await backends.lanes.commit(commit)).toBe("done");
}

let serial = 0;
async function fill(rows: number): Promise<void> {
  for (let left = rows; left > 0; left -= 40) {
    const lane = LANES[serial % LANES.length] ?? 0;
    await commitRows(
      lane,
      Array.from({ length: Math.min(40, left) }, () =>
        encodeRow(chatLogRowOf({ logId: `${serial++}`, channelId: `${lane}` })),
      ),
    );
  }
}

const counts = async () => (await ask(url, "SELECT COUNT(*) n, COUNT(DISTINCT log_id) d FROM kb_chat_logs"))[0];
const all = () => ({ n: serial, d: serial });

test("every row is copied once, in its lane's order, and taken out of Redis", { timeout: 30_000 }, async () => {
  await fill(3_000);
  await startWriter(() => ["me"], "me");
  await expect.poll(counts, { timeout: 10_000 }).toEqual(all());
  const rows = await ask(url, "SELECT channel_id, CAST(log_id AS UNSIGNED) AS n FROM kb_chat_logs ORDER BY id");
  for (const [, ofLane] of Map.groupBy(rows, (row) => row.channel_id)) {
    const order = ofLane.map((row) => Number(row.n));
    expect(order).toEqual(order.toSorted((a, b) => a - b));
  }
  await expect.poll(() => backends.rows.backlog(LANES), { timeout: 5_000 }).toBe(0);
  expect(await metric(store.metrics, "moa_chat_log_rows_total")).toBe(serial);
});

test("two writers that both think the lanes are theirs write each row once", { timeout: 30_000 }, async () => {
  await startWriter(() => ["a"], "a");
  await startWriter(() => ["b"], "b");
  await fill(4_000);
  await expect.poll(counts, { timeout: 15_000 }).toEqual(all());
});

test("lanes are shared out over the live writers, and a leaver's are taken over", { timeout: 30_000 }, async () => {
  let live = ["a", "b", "c"];
  await startWriter(() => live, "a");
  await startWriter(() => live, "b");
  await fill(400);
  // c is not there to copy its share.
  live = ["a", "b"];
  await expect.poll(counts, { timeout: 15_000 }).toEqual(all());
});

test("an unreadable row is left out and counted, those around it are copied", { timeout: 30_000 }, async () => {
  const before = await metric(store.metrics, "moa_chat_log_rows_refused_total");
  await commitRows(0, [
    encodeRow(chatLogRowOf({ logId: `${serial++}` })),
    "[9]",
    encodeRow(chatLogRowOf({ logId: `${serial++}` })),
  ]);
  await startWriter(() => ["me"], "me");
  await expect.poll(counts, { timeout: 10_000 }).toEqual(all());
  // Counted when its transaction is through, which is after its neighbours can be seen.
  const refused = async () => (await metric(store.metrics, "moa_chat_log_rows_refused_total")) - before;
  await expect.poll(refused).toBe(1);
});

test("MariaDB killed and away for a while: rows wait in Redis and arrive once", { timeout: 60_000 }, async () => {
  await startWriter(() => ["me"], "me");
  await fill(2_000);
  await mariadb.kill();
  await fill(2_000);
  expect(await backends.rows.backlog(LANES)).toBeGreaterThan(0);
  await mariadb.restart();
  await expect.poll(counts, { timeout: 20_000 }).toEqual(all());
});

test("Redis restarted: copying goes on", { timeout: 60_000 }, async () => {
  await startWriter(() => ["me"], "me");
  await fill(500);
  await redis.signal("SIGKILL");
  await redis.start();
  await expect.poll(() => backends.rows.backlog(LANES).catch(() => -1), { timeout: 10_000 }).toBeGreaterThanOrEqual(0);
  await fill(500);
  await expect.poll(counts, { timeout: 20_000 }).toEqual(all());
});

test("kill -9 of the writer again and again doubles and loses no row", { timeout: 90_000 }, async () => {
  for (let round = 0; round < 4; round++) {
    const pod = await startPod();
    const before = Number((await counts())?.n);
    const filling = fill(3_000);
    // In the middle: some of this round's rows are there, the rest is on its way.
    await expect
      .poll(async () => Number((await counts())?.n), { timeout: 15_000, interval: 3 })
      .toBeGreaterThan(before);
    pod.kill("SIGKILL");
    await once(pod, "exit");
    await filling;
  }
  await startWriter(() => ["me"], "me");
  await expect.poll(counts, { timeout: 20_000 }).toEqual(all());
});

test("a writer that was stopped in its transaction and wakes doubles nothing", { timeout: 60_000 }, async () => {
  const pod = await startPod();
  await expect.poll(() => backends.rows.backlog(LANES), { timeout: 5_000 }).toBe(0);
  const blocker = await createConnection({ uri: url });
  await blocker.query("LOCK TABLES kb_chat_logs READ");
  await fill(500);
  // Its positions are moved and its rows wait for the table: now it is in the middle.
  const inserting = "SELECT * FROM information_schema.processlist WHERE info LIKE 'INSERT INTO kb_chat_logs%'";
  await expect
    .poll(async () => (await ask(url, inserting)).length, { timeout: 10_000, interval: 20 })
    .toBeGreaterThan(0);
  pod.kill("SIGSTOP");
  await blocker.query("UNLOCK TABLES");
  blocker.destroy();
  await startWriter(() => ["me"], "me");
  // Locks of the stopped one are freed by the server after ten seconds at most.
  await expect.poll(counts, { timeout: 25_000 }).toEqual(all());
  pod.kill("SIGCONT");
  await fill(500);
  await expect.poll(counts, { timeout: 10_000 }).toEqual(all());
});
