/** Scheduled sendings over a real MariaDB and Redis, with the time in the test's hand. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { MoaError } from "#common/kernel/errors.ts";
import { ask, type MariaDb, startMariaDb } from "#test/fixtures/mariadb.ts";
import { type RedisServer, startRedis } from "#test/fixtures/redis.ts";
import { outboxSweep } from "#workers/jobs/outbox-sweep.ts";
import { type SchedulesOptions, schedules } from "#workers/jobs/schedules.ts";
import { MysqlOutboxRows } from "#workers/stores/outbox-rows.ts";
import { MysqlScheduleStore } from "#workers/stores/schedule-store.ts";
import { log, metric, type OpenStore, openStore } from "./open-store.ts";
import { backendsOf, type TestBackends, TOPOLOGY } from "./row-copy.ts";

const MINUTE = 60_000;

let mariadb: MariaDb;
let redis: RedisServer;
let url: string;
let store: OpenStore;
let backends: TestBackends;
let bots = 0;
let bot: string;

beforeAll(async () => {
  [mariadb, redis] = await Promise.all([startMariaDb(), startRedis()]);
  url = await mariadb.database("moa");
  store = await openStore(url);
  backends = backendsOf(redis.url, store);
  await backends.start();
});
afterAll(async () => {
  await backends.close();
  await store.close();
  await Promise.all([mariadb.stop(), redis.stop()]);
});
beforeEach(async () => {
  for (const table of ["moa_outbox", "kb_schedule_logs", "kb_schedule", "kb_rooms", "kb_chat_logs"]) {
    await ask(url, `DELETE FROM ${table}`);
  }
  bot = `bot ${++bots}`;
  await room();
});

/** Whole seconds, as MySQL keeps them; of Korea's clock. */
const now = Math.floor(Date.now() / 1_000) * 1_000;
const wall = (ms: number) => new Date(ms + 540 * MINUTE).toISOString().slice(0, 19).replace("T", " ");

/** What such a time comes back as on a connection whose clock is UTC. */
const asRead = (ms: number) => new Date(ms + 540 * MINUTE);

function room({ channel = "1001", status = "approved", name = "방", device = "d" } = {}) {
  return ask(
    url,
    `INSERT INTO kb_rooms (room_id, bot_name, device_id, room_name, status) VALUES (?, ?, ?, ?, ?)
     ON DUPLICATE KEY UPDATE status = VALUES(status), room_name = VALUES(room_name)`,
    [channel, bot, device, name, status],
  );
}

/** A daily one of the minute that was due two minutes ago, but for what is said otherwise. */
async function schedule(more: Readonly<Record<string, unknown>> = {}): Promise<number> {
  const due = wall(now - 2 * MINUTE);
  const row = {
    ...{ title: "t", target_bot_name: bot, target_room_id: "1001", message_text: "알림", schedule_type: "daily" },
    ...{ schedule_time: due.slice(11), next_send_at: due, ...more },
  };
  const columns = Object.keys(row);
  const made = await ask(
    url,
    `INSERT INTO kb_schedule (${columns}) VALUES (${columns.map(() => "?")})`,
    Object.values(row),
  );
  return (made as unknown as { insertId: number }).insertId;
}

/** So many more like it, with their number for a text. */
function times(count: number, id: number) {
  const columns = "title, target_bot_name, target_room_id, schedule_type, schedule_time, next_send_at";
  return ask(
    url,
    `INSERT INTO kb_schedule (${columns}, message_text)
     SELECT ${columns}, seq FROM kb_schedule, seq_1_to_${count} WHERE id = ? ORDER BY seq`,
    [id],
  );
}

function options(over: Partial<SchedulesOptions> = {}): SchedulesOptions {
  return {
    schedules: new MysqlScheduleStore(store.mysql),
    outbox: backends.outboxWriter,
    lanes: backends.lanes,
    topology: TOPOLOGY,
    actionTtlMs: 2 * MINUTE,
    clock: { ...backendsClock, nowMs: () => now },
    log,
    metrics: store.metrics.metrics,
    ...over,
  };
}
const backendsClock = { monotonicMs: () => performance.now(), after: () => () => {} };
const run = (over: Partial<SchedulesOptions> = {}) => schedules(options(over))(new AbortController().signal);
const at = (ms: number): Partial<SchedulesOptions> => ({ clock: { ...backendsClock, nowMs: () => ms } });

const shown = async () => {
  const actions = (await backends.outboxReader.read(bot, 1)).actions.map((one) => JSON.parse(one));
  return actions.map(({ room, text, items }) => [room, text ?? items.map(({ value }: { value: string }) => value)]);
};
const one = async (table: string) => (await ask(url, `SELECT * FROM ${table} ORDER BY id DESC LIMIT 1`))[0];
const logs = async () =>
  (await ask(url, "SELECT status, error_message AS why FROM kb_schedule_logs ORDER BY id")).map((row) =>
    Object.values(row),
  );
const rows = () => ask(url, "SELECT * FROM kb_chat_logs ORDER BY id");
const receipts = (state: string) =>
  ask(url, "UPDATE moa_outbox SET state = ?, closed_at = CURRENT_TIMESTAMP(3)", [state]);

test("a due time is sent once, on record once, and the schedule moves on, however many pods run at once", async () => {
  await schedule();
  const old = { next_send_at: wall(now - 20 * MINUTE) };
  await schedule({ ...old, schedule_type: "once" });
  await Promise.all(Array.from({ length: 4 }, () => run()));
  await run();
  expect(await shown()).toEqual([["방", "알림"]]);
  expect(await rows()).toMatchObject([
    {
      ...{ channel_id: "1001", user_hash: bot, sender: bot, room_name: "방", message: "알림", bot_name: bot },
      ...{ directive: "SCHEDULED_MSG", message_type: "scheduled", is_meaningful: 0, log_id: null },
      ...{ is_bot: 1, is_our_bot_response: 1, is_scheduled: 1 },
    },
  ]);
  expect((await logs()).map(([status]) => status).toSorted()).toEqual(["missed", "pending"]);
  expect(await one("kb_schedule")).toMatchObject({ next_send_at: null, send_count: 0, status: "error" });
  await ask(url, "DELETE FROM kb_schedule WHERE schedule_type = 'once'");
  expect(await one("kb_schedule")).toMatchObject({
    ...{ next_send_at: asRead(now - 2 * MINUTE + 24 * 60 * MINUTE), last_sent_at: asRead(now) },
    ...{ send_count: 1, status: "active" },
  });
});

test("a worker that died between MySQL and Redis has its sending offered by the sweep, once, and once on record", async () => {
  await schedule();
  const dead = { enqueue: () => Promise.reject(new MoaError("redis_unavailable", "the worker died")) };
  await run({ outbox: dead });
  expect(await shown()).toEqual([]);
  await ask(url, "UPDATE moa_outbox SET created_at = created_at - INTERVAL 60 SECOND");
  const sweep = outboxSweep({ ...options(), rows: new MysqlOutboxRows(store.mysql) });
  await sweep(new AbortController().signal);
  await run();
  await sweep(new AbortController().signal);
  expect(await shown()).toEqual([["방", "알림"]]);
  expect(await rows()).toHaveLength(1);
});

test("a transaction that MySQL undid is made again by the next run", async () => {
  await schedule();
  await ask(url, "CREATE TRIGGER refuse BEFORE INSERT ON kb_schedule_logs FOR EACH ROW SIGNAL SQLSTATE '45000'");
  await run();
  await ask(url, "DROP TRIGGER refuse");
  expect([await shown(), await rows()]).toEqual([[], []]);
  await run();
  expect(await shown()).toEqual([["방", "알림"]]);
});

test("D-50 what was due longer ago than five minutes is missed, on record, and not sent", async () => {
  const before = await metric(store.metrics, 'moa_scheduled_sendings_total{outcome="missed"}');
  await schedule();
  await run(at(now + 8 * MINUTE));
  expect([await shown(), await rows()]).toEqual([[], []]);
  expect(await logs()).toEqual([["missed", "nothing ran when it was due"]]);
  expect(await metric(store.metrics, 'moa_scheduled_sendings_total{outcome="missed"}')).toBe(before + 1);
  expect((await one("kb_schedule"))?.send_count).toBe(0);
});

test("D-51 its log says success, partial or failed when the phone has, and not before", async () => {
  await schedule();
  await run();
  await run();
  expect(await logs()).toEqual([["pending", null]]);
  await receipts("confirmed");
  await run();
  expect(await logs()).toEqual([["success", null]]);
  const done = await one("kb_schedule_logs");
  expect(done).toMatchObject({ target_room_id: "1001", sent_message_text: "알림", send_components: "text" });
  expect(done).toMatchObject({ scheduled_at: asRead(now - 2 * MINUTE), started_at: asRead(now) });
  expect(Number(done?.duration_ms)).toBeGreaterThanOrEqual(0);
});

test("one that is sent once is completed, or in error when no phone showed it", async () => {
  await schedule({ schedule_type: "once", schedule_date: wall(now).slice(0, 10) });
  await run();
  expect(await one("kb_schedule")).toMatchObject({ status: "completed", next_send_at: null });
  await receipts("expired");
  await run();
  expect(await logs()).toEqual([["failed", "expired"]]);
  expect((await one("kb_schedule"))?.status).toBe("error");
});

test("text and pictures go in their order; those that are files elsewhere are left out and said", async () => {
  const images = JSON.stringify([{ base64: "data:image/png;base64,iVBORw0KGgo=" }, { path: "2026/a.png" }]);
  const links = JSON.stringify([{ url: "https://example.org/b.png" }]);
  await schedule({ message_images_1: images, message_images_2: links, media_wait_time_1: 2_000 });
  await run();
  expect(await shown()).toEqual([
    ["방", "알림"],
    ["방", ["iVBORw0KGgo="]],
    ["방", ["https://example.org/b.png"]],
  ]);
  expect((await rows()).map(({ message }) => message)).toEqual(["알림", "[image 1]", "[image 1]"]);
  await receipts("confirmed");
  await run();
  expect(await logs()).toEqual([["partial", "images_1: 1 of 2 are not kept in the database"]]);
});

test.each([
  ["a room that is pending", {}, { status: "pending" }],
  ["a room of a bot that MySQL takes for another", { target_bot_name: "BOT" }, {}],
  ["a room as another device knows it", { target_device_id: "other" }, {}],
  ["another room", { target_room_id: "2002" }, {}],
])("to %s nothing is sent, and the log says why", async (_, more, known) => {
  // As in a database of the original.
  await ask(url, "ALTER TABLE kb_rooms MODIFY bot_name varchar(30) COLLATE utf8mb4_general_ci NOT NULL");
  if ("target_bot_name" in more) await ask(url, "UPDATE kb_rooms SET bot_name = 'bot'");
  else await room(known);
  await schedule(more);
  await run();
  expect([await shown(), await rows()]).toEqual([[], []]);
  expect(await logs()).toEqual([["failed", "the room is not approved"]]);
});

test("the room is called as its phone calls it now", async () => {
  await schedule({ target_device_id: "d" });
  await room({ name: "새 이름 🎉" });
  await run();
  expect(await shown()).toEqual([["새 이름 🎉", "알림"]]);
});

test("a schedule without a next time gets it, several times a day each count, and what is paused stays", async () => {
  const soon = wall(now + 10 * MINUTE);
  const schedule_times = JSON.stringify([soon.slice(11, 16), wall(now + 20 * MINUTE).slice(11, 16)]);
  await schedule({ next_send_at: null, schedule_times });
  await schedule({ status: "inactive" });
  await run();
  expect(await shown()).toEqual([]);
  const [made] = await ask(url, "SELECT CAST(next_send_at AS CHAR) AS next FROM kb_schedule WHERE status = 'active'");
  expect(made).toEqual({ next: `${soon.slice(0, 16)}:00` });
});

test("more schedules than a page are sent, those of a room in the order of their times", async () => {
  await times(119, await schedule({ message_text: "0" }));
  await run();
  const texts = (await shown()).map(([, text]) => text);
  expect(texts).toEqual(Array.from({ length: 120 }, (_, n) => `${n}`));
});

test("a page of schedules that cannot be kept does not hold up those behind it", async () => {
  await times(110, await schedule({ target_room_id: "refused", next_send_at: wall(now - 3 * MINUTE) }));
  await schedule();
  const refuse = "IF NEW.target_room_id = 'refused' THEN SIGNAL SQLSTATE '45000'; END IF";
  await ask(url, `CREATE TRIGGER refuse BEFORE INSERT ON kb_schedule_logs FOR EACH ROW ${refuse}`);
  await run();
  await ask(url, "DROP TRIGGER refuse");
  expect(await shown()).toEqual([["방", "알림"]]);
});

test("due schedules are found by their index", async () => {
  await ask(
    url,
    `INSERT INTO kb_schedule (title, target_bot_name, target_room_id, schedule_type, status, next_send_at)
     SELECT 't', 'b', 'r', 'daily', IF(seq % 2, 'active', 'completed'), '2099-01-01' FROM seq_1_to_5000`,
  );
  await ask(url, "ANALYZE TABLE kb_schedule");
  const [plan] = await ask(
    url,
    `EXPLAIN SELECT id FROM kb_schedule WHERE status = 'active' AND (next_send_at IS NULL OR next_send_at <= NOW())
     ORDER BY next_send_at, id LIMIT 100`,
  );
  expect(plan?.key).toBe("idx_due");
  expect(Number(plan?.rows)).toBeLessThan(100);
});
