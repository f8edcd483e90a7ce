import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type AdministeredTables, MysqlAdministration } from "#common/backends/mysql/administration.ts";
import type { Mysql } from "#common/backends/mysql/mysql.ts";
import { eventIdOfLog } from "#common/contract/ids.ts";
import type { LaneState } from "#common/ports/lane-log.ts";
import { chat } from "#test/fixtures/dialogue.ts";
import { ask, type MariaDb, startMariaDb } from "#test/fixtures/mariadb.ts";
import { type RedisServer, startRedis } from "#test/fixtures/redis.ts";
import { encodeRow } from "#workers/domain/chat-log-row.ts";
import type { Erased, ErasedRows } from "#workers/erased.ts";
import type { RowWriter } from "#workers/intake/row-writer.ts";
import { MysqlChatLogStore } from "#workers/stores/chat-log-store.ts";
import { erase } from "#workers/stores/erase.ts";
import { chatLogRowOf } from "./chat-log-row-of.ts";
import { clock, log, type OpenStore, openStore } from "./open-store.ts";
import { backendsOf, rowWriterOf, type TestBackends } from "./row-copy.ts";

const OPERATOR = { who: "tester", from: "127.0.0.1" };
const HIS = "d3adbeefcafe";

let mariadb: MariaDb;
let redis: RedisServer;
let url: string;
let store: OpenStore;
let backends: TestBackends;
let writer: RowWriter;
let admin: MysqlAdministration;
let epoch = 0;
let commits = 0;

beforeAll(async () => {
  [mariadb, redis] = await Promise.all([startMariaDb(), startRedis()]);
  url = await mariadb.database("moa");
  store = await openStore(url);
  backends = backendsOf(redis.url, store);
  await backends.start();
  admin = new MysqlAdministration(store.mysql as unknown as Mysql<AdministeredTables>);
  epoch = (await backends.lanes.take((await backends.lanes.owners())[0] as LaneState, "w.1"))?.epoch ?? 0;
});
afterAll(async () => {
  await backends.close();
  await store.close();
  await Promise.all([mariadb.stop(), redis.stop()]);
});
beforeEach(async () => {
  const tables = ["kb_chat_logs", "kb_rooms", "kb_schedule", "moa_auto_replies", "moa_audit", "moa_outbox"];
  for (const table of tables) await ask(url, `DELETE FROM ${table}`);
  for (const entry of await backends.parked.list(1_000)) await backends.parked.drop(entry);
});

function erasing(what: Erased, signal = new AbortController().signal): Promise<ErasedRows> {
  const { mysql, textMysql, metrics } = store;
  const chatLog = new MysqlChatLogStore({ mysql: textMysql, clock, log, metrics: metrics.metrics });
  const tools = { ...backends, mysql, chatLog, audit: admin, clock };
  return erase({ what, by: OPERATOR, signal }, tools);
}

async function commit(given: { rows?: string[]; parked?: { id: string; event: string; reason: string }[] }) {
  const nothing = { position: null, seen: [], rows: [], counts: {}, parked: [] };
  await backends.lanes.commit({ ...nothing, lane: 0, epoch, number: ++commits, ...given });
}

interface Said {
  readonly user: string;
  readonly text: string;
  readonly room?: string;
  readonly bot?: string;
  readonly answers?: readonly string[];
  readonly logId?: string;
}

/** Into the lane's row log, as a worker commits it. */
async function say(...said: readonly Said[]): Promise<void> {
  const rows = said.map(({ user, text, room = "1001", bot = "LOA.i", answers, logId = null }) => {
    const row = chatLogRowOf({ userHash: user, message: text, channelId: room, botName: bot, logId });
    return encodeRow(row, answers && { atMs: row.serverAtMs, messages: answers });
  });
  await commit({ rows });
}

async function copyRows(): Promise<void> {
  writer = rowWriterOf(backends, store, { me: "rows.1", live: () => ["rows.1"] });
  await writer.start();
}

async function messages(): Promise<unknown[]> {
  return (await ask(url, "SELECT message FROM kb_chat_logs ORDER BY id")).map(({ message }) => message);
}

async function outboxOf(event: string, channel: string): Promise<void> {
  const action = JSON.stringify({ v: 1, kind: "text", id: `${event}:0`, channel, text: `his "channel":"1001"` });
  await ask(
    url,
    "INSERT INTO moa_outbox (action_id, event, ordinal, lane, bot, deadline, action) VALUES (?, ?, 0, 0, 'LOA.i', NOW(), ?)",
    [`${event}:0`, event, action],
  );
}

test("a user's lines go with the answers to them, whatever the room; what waits in Redis is waited for", async () => {
  await say(
    { user: "other", text: "before", answers: ["to other"] },
    { user: HIS, text: "his", answers: ["to him", "to him again"] },
    { user: "other", text: "after", answers: ["to other again"] },
    { user: HIS, text: "his elsewhere", room: "2002", bot: "LOA.other", answers: ["to him there"] },
    { user: HIS, text: "his without answer", room: "2002" },
    { user: HIS.toUpperCase(), text: "another hash", room: "3003" },
    { user: "other", text: "last", room: "3003" },
  );
  const done = erasing({ user: HIS });
  await copyRows();
  const erased = await done;
  await writer.stop();
  expect(await messages()).toEqual(["before", "to other", "after", "to other again", "another hash", "last"]);
  expect(erased).toMatchObject({ kb_chat_logs: 6 });
  expect((await erasing({ user: HIS })).kb_chat_logs ?? 0).toBe(0);
});

test("a user who is called like a bot takes none of the bot's answers with him", async () => {
  await copyRows();
  await say({ user: "other", text: "a", answers: ["b"] }, { user: "LOA.i", text: "c" });
  await erasing({ user: "LOA.i" });
  await writer.stop();
  expect(await messages()).toEqual(["a", "b"]);
});

test("an answer to a line of his that was run again goes, wherever it stands; such answers to others stay", async () => {
  const again = (userHash: string, message: string) => {
    const ours = { sender: "LOA.i", botName: "LOA.i", isBot: true, isOurBotResponse: true, logId: null };
    return encodeRow(chatLogRowOf({ ...ours, channelId: "1001", userHash, message }));
  };
  await copyRows();
  await say({ user: HIS, text: "his" }, { user: "other", text: "another's" });
  await commit({ rows: [again(HIS, "to him at last"), again("other", "to another at last")] });
  await erasing({ user: HIS });
  await writer.stop();
  expect(await messages()).toEqual(["another's", "to another at last"]);
});

test("outbox rows of a user's lines go, and what of his is parked; those of others stay", async () => {
  const [his, other] = [eventIdOfLog("LOA.i", "1001", "71"), eventIdOfLog("LOA.i", "1001", "72")];
  await outboxOf(his, "1001");
  await outboxOf(other, "1001");
  const event = (userHash: string) => JSON.stringify({ ...chat("x", "1"), userHash });
  await commit({
    parked: [
      { id: his, event: event(HIS), reason: "turn_failed" },
      { id: other, event: event("other"), reason: "turn_failed" },
      { id: "0".repeat(16), event: "unreadable", reason: "contract_unreadable" },
    ],
  });
  await copyRows();
  await say({ user: HIS, text: "x", logId: "71" }, { user: "other", text: "y", logId: "72" });
  const erased = await erasing({ user: HIS });
  await writer.stop();
  expect(erased).toEqual({ parked: 1, moa_outbox: 1, kb_chat_logs: 1 });
  expect((await ask(url, "SELECT event FROM moa_outbox")).map((row) => row.event)).toEqual([other]);
  expect((await backends.parked.list(10)).map(({ id }) => id)).toEqual([other, "0".repeat(16)]);
});

test("a room goes with its lines of all bots, registration, outbox rows and parked events, and pods hear of it", async () => {
  const [its, other] = ["a".repeat(16), "b".repeat(16)];
  await outboxOf(its, "1001");
  await outboxOf(other, "2002");
  const event = JSON.stringify({ ...chat("x", "1"), channel: "1001" });
  await commit({ parked: [{ id: its, event, reason: "turn_failed" }] });
  for (const room of ["1001", "2002"]) {
    await ask(
      url,
      "INSERT INTO moa_auto_replies (bot, channel, place, pattern, reply) VALUES ('LOA.i', ?, 100, '안녕', '네')",
      [room],
    );
    await admin.record({ action: "replies.add", subject: `LOA.i ${room} 7`, before: "", after: "안녕" }, OPERATOR);
    const [made] = await ask(
      url,
      `INSERT INTO kb_schedule (title, target_bot_name, target_room_id, schedule_type)
       VALUES ('t', 'LOA.i', ?, 'daily') RETURNING id`,
      [room],
    );
    await ask(url, "INSERT INTO kb_schedule_logs (schedule_id, target_room_id, status) VALUES (?, ?, 'missed')", [
      made?.id,
      room,
    ]);
  }
  for (const [room, device] of [
    ["1001", "phone-1"],
    ["1001", "phone-2"],
    ["2002", "phone-1"],
  ]) {
    await ask(url, "INSERT INTO kb_rooms (room_id, bot_name, device_id) VALUES (?, 'LOA.i', ?)", [room, device]);
    const subject = `LOA.i ${room} ${device}`;
    await admin.record({ action: "room.approved", subject, before: "pending", after: "approved" }, OPERATOR);
  }
  const { version } = await backends.approvalChanges.since("0-0");
  await copyRows();
  await say(
    { user: "u", text: "its", answers: ["to it"] },
    { user: "u", text: "its of another bot", bot: "LOA.other" },
    { user: "u", text: "elsewhere", room: "2002", answers: ["there"] },
  );
  const erased = await erasing({ room: "1001" });
  await writer.stop();
  expect(erased).toEqual({
    ...{ parked: 1, kb_chat_logs: 3, moa_outbox: 1, moa_audit: 3, kb_rooms: 2 },
    ...{ moa_auto_replies: 1, kb_schedule: 1, kb_schedule_logs: 1 },
  });
  expect(await ask(url, "SELECT target_room_id AS room FROM kb_schedule")).toEqual([{ room: "2002" }]);
  expect(await messages()).toEqual(["elsewhere", "there"]);
  expect((await ask(url, "SELECT event FROM moa_outbox")).map((row) => row.event)).toEqual([other]);
  expect((await ask(url, "SELECT room_id FROM kb_rooms")).map((row) => row.room_id)).toEqual(["2002"]);
  const room = { kind: "room", bot: "LOA.i", channel: "1001", status: "pending" };
  expect((await backends.approvalChanges.since(version)).changes).toEqual([
    { kind: "auto-replies" },
    { ...room, device: "phone-1" },
    { ...room, device: "phone-2" },
  ]);
  expect(JSON.stringify(await ask(url, "SELECT * FROM moa_audit"))).not.toContain("1001");
});

test("an erasure is on record, from begin to end, and does not say of whom", async () => {
  await copyRows();
  await say({ user: HIS, text: "x" });
  await erasing({ user: HIS });
  await writer.stop();
  const rows = await ask(url, "SELECT * FROM moa_audit ORDER BY id");
  expect(rows.map(({ who, from_address, action, after }) => [who, from_address, action, after])).toEqual([
    ["tester", "127.0.0.1", "erase.user", "begun"],
    ["tester", "127.0.0.1", "erase.user", "done, kb_chat_logs 1"],
  ]);
  expect(JSON.stringify(rows)).not.toContain(HIS);
});

test("broken off in the middle it leaves no answer without its line, and another run ends it", async () => {
  // A line and two answers, so that batches end between them.
  const many = (user: string, lines: number) =>
    ask(
      url,
      `INSERT INTO kb_chat_logs (channel_id, user_hash, message, message_type, bot_name, is_our_bot_response)
       SELECT 'many', IF(seq % 3 = 0, '${user}', 'LOA.i'), 'm', 'normal', 'LOA.i', seq % 3 > 0
       FROM seq_0_to_${3 * lines - 1}`,
    );
  await many(HIS, 4_500);
  await many("other", 4_000);
  await many(HIS, 700);
  const stop = new AbortController();
  const broken = erasing({ user: HIS }, stop.signal);
  const count = async (where: string) =>
    Number((await ask(url, `SELECT COUNT(*) n FROM kb_chat_logs WHERE ${where}`))[0]?.n);
  while ((await count("1")) === 27_600);
  stop.abort();
  await expect(broken).rejects.toThrow("deadline_passed");
  expect(await count(`user_hash = '${HIS}'`)).toBeGreaterThan(0);
  await erasing({ user: HIS });
  expect(await count("1")).toBe(12_000);
  expect(await count("user_hash = 'other'")).toBe(4_000);
});

test("while lines that were said before do not reach MySQL it erases nothing, and says so", async () => {
  await copyRows();
  await say({ user: HIS, text: "there" });
  while ((await messages()).length < 1);
  await writer.stop();
  await say({ user: HIS, text: "on its way" });
  await expect(erasing({ user: HIS }, AbortSignal.timeout(1_000))).rejects.toThrow("deadline_passed");
  expect(await messages()).toEqual(["there"]);
  expect((await admin.recent(1))[0]?.after).toBe("broken off");
  await copyRows();
  await erasing({ user: HIS });
  await writer.stop();
  expect(await messages()).toEqual([]);
});
