import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { limits } from "#common/contract/limits.ts";
import { FakeClock } from "#test/fixtures/fake-clock.ts";
import { ask, type MariaDb, startMariaDb } from "#test/fixtures/mariadb.ts";
import { encodeRow } from "#workers/domain/chat-log-row.ts";
import { retention } from "#workers/jobs/retention.ts";
import { MysqlChatLogStore } from "#workers/stores/chat-log-store.ts";
import { outdated, type RetentionDays } from "#workers/stores/retention.ts";
import { chatLogRowOf } from "./chat-log-row-of.ts";
import { clock, log, metric, type OpenStore, openStore } from "./open-store.ts";

const FOR_EVER: RetentionDays = { chatLog: 0, ping: 0, audit: 0 };

let server: MariaDb;
let url: string;
let store: OpenStore;

beforeAll(async () => {
  server = await startMariaDb();
  url = await server.database("moa");
  store = await openStore(url);
});
afterAll(async () => {
  await store.close();
  await server.stop();
});
beforeEach(async () => {
  for (const table of [
    "kb_chat_logs",
    "kb_rooms",
    "kb_ping_monitor",
    "moa_audit",
    "moa_seen_events",
    "moa_outbox",
    "moa_lane_position",
  ])
    await ask(url, `DELETE FROM ${table}`);
});

/** Batches of each table as they were dropped. */
async function drop(days: Partial<RetentionDays> = {}): Promise<Record<string, number[]>> {
  const batches: Record<string, number[]> = {};
  for await (const { table, rows } of outdated(store.mysql, { ...FOR_EVER, ...days }))
    batches[table] = [...(batches[table] ?? []), rows];
  return batches;
}

async function count(table: string): Promise<number> {
  return Number((await ask(url, `SELECT COUNT(*) n FROM ${table}`))[0]?.n);
}

/** In the order of their ages, as they come in. */
async function lines(rows: number, at: string): Promise<void> {
  await ask(
    url,
    `INSERT INTO kb_chat_logs (channel_id, user_hash, message, message_type, bot_name, server_timestamp)
     SELECT 'c', 'u', 'm', 'normal', 'b', ${at} FROM seq_1_to_${rows}`,
  );
}

const KOREA = "UTC_TIMESTAMP() + INTERVAL 9 HOUR";

test("lines past their days go in batches of a thousand, younger ones stay", async () => {
  await lines(2_500, `${KOREA} - INTERVAL 31 DAY`);
  await lines(1_200, `${KOREA} - INTERVAL 29 DAY`);
  const { kb_chat_logs } = await drop({ chatLog: 30 });
  expect(kb_chat_logs).toEqual([1_000, 1_000, 500]);
  expect(await count("kb_chat_logs")).toBe(1_200);
  expect((await drop({ chatLog: 30 })).kb_chat_logs).toBeUndefined();
});

test("days are Korean ones in the original's tables: an hour makes the difference, not nine", async () => {
  await lines(1, `${KOREA} - INTERVAL 30 DAY - INTERVAL 1 HOUR`);
  await lines(1, `${KOREA} - INTERVAL 30 DAY + INTERVAL 1 HOUR`);
  expect((await drop({ chatLog: 30 })).kb_chat_logs).toEqual([1]);
});

test("a line without a time, or a young one among old ones, stays and hides nothing behind it", async () => {
  await lines(1_500, "NULL");
  await lines(600, `${KOREA} - INTERVAL 31 DAY`);
  await lines(3, KOREA);
  await lines(600, `${KOREA} - INTERVAL 31 DAY`);
  await lines(1_000, KOREA);
  await drop({ chatLog: 30 });
  expect(await count("kb_chat_logs")).toBe(1_500 + 3 + 1_000);
});

test("0 days keeps all, and each table has days of its own", async () => {
  await lines(10, `${KOREA} - INTERVAL 3000 DAY`);
  const old = "INSERT INTO kb_ping_monitor (bot_name, server_timestamp)";
  await ask(url, `${old} SELECT 'b', ${KOREA} - INTERVAL seq DAY FROM seq_1_to_10`);
  await ask(
    url,
    `INSERT INTO moa_audit (at, who, from_address, action, subject, \`before\`, \`after\`)
     SELECT UTC_TIMESTAMP() - INTERVAL 11 - seq DAY, 'w', '', 'a', '', '', '' FROM seq_1_to_10`,
  );
  await drop();
  expect([await count("kb_chat_logs"), await count("kb_ping_monitor"), await count("moa_audit")]).toEqual([10, 10, 10]);
  await drop({ ping: 4, audit: 7 });
  expect([await count("kb_chat_logs"), await count("kb_ping_monitor"), await count("moa_audit")]).toEqual([10, 3, 6]);
});

/** Of the bot `b`; `settings` as JSON, or null. */
async function room(channel: string, settings: string | null, device = "d"): Promise<void> {
  const into = "INSERT INTO kb_rooms (room_id, bot_name, device_id, log_settings)";
  await ask(url, `${into} VALUES (?, 'b', ?, ?)`, [channel, device, settings]);
}

test("a room's own days are kept to, in batches of a thousand, whatever the chat log's are", async () => {
  await room("c", '{"enabled":true,"retention_days":7}');
  await lines(1_500, `${KOREA} - INTERVAL 7 DAY - INTERVAL 1 HOUR`);
  await lines(20, `${KOREA} - INTERVAL 7 DAY + INTERVAL 1 HOUR`);
  const copy = (columns: string) =>
    ask(
      url,
      `INSERT INTO kb_chat_logs (channel_id, bot_name, user_hash, message, message_type, server_timestamp)
       SELECT ${columns}, user_hash, message, message_type, server_timestamp FROM kb_chat_logs ORDER BY id LIMIT 5`,
    );
  await copy("'another room', 'b'");
  await copy("'c', 'another bot'");
  expect((await drop()).kb_chat_logs).toEqual([1_000, 500]);
  const left = await ask(url, "SELECT channel_id, bot_name, COUNT(*) n FROM kb_chat_logs GROUP BY 1, 2 ORDER BY 1, 2");
  expect(left.map((row) => [row.channel_id, row.bot_name, Number(row.n)])).toEqual([
    ["another room", "b", 5],
    ["c", "another bot", 5],
    ["c", "b", 20],
  ]);
});

test.each([
  ["none", null],
  ["no days", '{"enabled":true}'],
  ["0", '{"retention_days":0}'],
  ["less", '{"retention_days":-1}'],
  ["no number", '{"retention_days":"soon"}'],
  ["null", '{"retention_days":null}'],
  ["a list", "[7]"],
])("a room whose days are %s keeps its lines", async (_, settings) => {
  await room("c", settings);
  await lines(10, `${KOREA} - INTERVAL 3000 DAY`);
  await drop();
  expect(await count("kb_chat_logs")).toBe(10);
});

test("a room that several devices of a bot are in keeps to the fewest days, and more rooms than a page are seen to", async () => {
  for (const [device, days] of [
    ["d1", 30],
    ["d2", 3],
    ["d3", 0],
  ] as const)
    await room("c", `{"retention_days":${days}}`, device);
  await ask(
    url,
    `INSERT INTO kb_rooms (room_id, bot_name, device_id, log_settings)
     SELECT CONCAT('a', seq), 'b', 'd', '{"retention_days":1}' FROM seq_1_to_450`,
  );
  await lines(10, `${KOREA} - INTERVAL 4 DAY`);
  await lines(10, `${KOREA} - INTERVAL 2 DAY`);
  expect((await drop()).kb_chat_logs).toContain(10);
  expect(await count("kb_chat_logs")).toBe(10);
});

test("moa's own rows go after a week: events that made changes, and outbox rows that are closed", async () => {
  await ask(
    url,
    `INSERT INTO moa_seen_events (event, lane, at)
     SELECT LPAD(seq, 16, '0'), 1, UTC_TIMESTAMP() - INTERVAL IF(seq <= 1500, 8, 6) DAY FROM seq_1_to_1700`,
  );
  const row = (id: string, closed: string) =>
    `('${id}', 'e', 0, 1, 'b', NOW(), '{}', UTC_TIMESTAMP() - INTERVAL 9 DAY, ${closed})`;
  await ask(
    url,
    `INSERT INTO moa_outbox (action_id, event, ordinal, lane, bot, deadline, action, created_at, closed_at) VALUES
     ${row("open", "NULL")}, ${row("young", "UTC_TIMESTAMP()")}, ${row("old", "UTC_TIMESTAMP() - INTERVAL 8 DAY")}`,
  );
  const batches = await drop();
  expect([batches.moa_seen_events, batches.moa_outbox]).toEqual([[1_000, 500], [1]]);
  expect(await count("moa_seen_events")).toBe(200);
  const left = await ask(url, "SELECT action_id FROM moa_outbox ORDER BY action_id");
  expect(left.map(({ action_id }) => action_id)).toEqual(["open", "young"]);
});

test("the job drops it all and counts it, and a stop ends it after the batch in hand", async () => {
  await lines(5_000, `${KOREA} - INTERVAL 31 DAY`);
  const job = retention({
    outdated: () => outdated(store.mysql, { ...FOR_EVER, chatLog: 30 }),
    clock,
    log,
    metrics: store.metrics.metrics,
  });
  const stop = new AbortController();
  stop.abort();
  await job(stop.signal);
  expect(await count("kb_chat_logs")).toBe(5_000);
  await job(new AbortController().signal);
  expect(await count("kb_chat_logs")).toBe(0);
  expect(await metric(store.metrics, 'moa_rows_dropped_total{table="kb_chat_logs"}')).toBe(5_000);
});

test("a room whose log is not enabled, for whichever of a bot's devices, gets no rows within a minute, and every other does", async () => {
  const { metrics } = store.metrics;
  const slow = new FakeClock();
  const chatLog = new MysqlChatLogStore({ mysql: store.textMysql, clock: slow, log, metrics });
  const settings = ['{"enabled":true}', '{"enabled":"false"}', '{"enabled":null}', "{}", "[]", "false", null];
  for (const one of settings) await room(`on ${one}`, one);
  await room("off", '{"enabled":true}', "d1");
  const others = [
    ["OFF", "b"],
    ["off", "B"],
    ["off", "a"],
    ["o'f\\", "b"],
    ...settings.map((one) => [`on ${one}`, "b"]),
  ];
  const answers = { atMs: 0, messages: ["an answer"] };
  const rows = [["off", "b"], ...others, ["off", "b"]].map(([channelId, botName]) =>
    encodeRow(chatLogRowOf({ channelId: channelId as string, botName: botName as string }), answers),
  );
  const rowsAfter = async (n: number) => {
    await ask(url, "DELETE FROM kb_chat_logs");
    expect(await chatLog.append([{ lane: 0, from: `${n}-0`, to: `${n + 1}-0`, rows }], 0)).toBe("written");
    const found = await ask(url, "SELECT channel_id, bot_name FROM kb_chat_logs WHERE is_bot ORDER BY id");
    return found.map(({ channel_id, bot_name }) => [channel_id, bot_name]);
  };
  expect(await rowsAfter(0)).toHaveLength(rows.length);
  await room("off", '{"enabled":false,"retention_days":7}', "d2");
  await slow.advance(limits.approvalFreshMs);
  expect(await rowsAfter(1)).toEqual(others);
  await ask(url, "UPDATE kb_rooms SET log_settings = NULL WHERE device_id = 'd2'");
  expect(await rowsAfter(2)).toHaveLength(rows.length);
});
