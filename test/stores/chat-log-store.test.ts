import fc from "fast-check";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { limits } from "#common/contract/limits.ts";
import { hasCode } from "#common/kernel/errors.ts";
import { ask, type MariaDb, startMariaDb } from "#test/fixtures/mariadb.ts";
import { encodeRow } from "#workers/domain/chat-log-row.ts";
import type { ChatLogRow } from "#workers/domain/stores.ts";
import { chatLogPlace } from "#workers/stores/chat-log-sql.ts";
import { MysqlChatLogStore } from "#workers/stores/chat-log-store.ts";
import { chatLogRowOf } from "./chat-log-row-of.ts";
import { clock, log, metric, type OpenStore, openStore } from "./open-store.ts";

let server: MariaDb;
let url: string;
let store: OpenStore;
let chatLog: MysqlChatLogStore;

beforeAll(async () => {
  server = await startMariaDb();
  url = await server.database("moa");
  store = await openStore(url);
  chatLog = new MysqlChatLogStore({ mysql: store.textMysql, clock, log, metrics: store.metrics.metrics });
});
afterAll(async () => {
  await store.close();
  await server.stop();
});
beforeEach(async () => {
  await ask(url, "TRUNCATE kb_chat_logs");
  await ask(url, "TRUNCATE moa_lane_position");
});

const append = (...rows: readonly ChatLogRow[]) =>
  chatLog.append([{ lane: 0, from: "0-0", to: "1-0", rows: rows.map((row) => encodeRow(row)) }], 0);
/** What the server says of transactions it says anew each 100 ms at most; a lock is waited for 3 s. */
const PATIENCE = { timeout: 2_500, interval: 150 };
const stored = () => ask(url, "SELECT * FROM kb_chat_logs ORDER BY id");

test("a row comes back in every column, times as Korean wall clock", async () => {
  await append(chatLogRowOf({ directive: "# echo", messageType: "command", isMention: true, isScheduled: true }));
  const [row] = await ask(
    url,
    "SELECT *, CAST(client_timestamp AS CHAR) c, CAST(server_timestamp AS CHAR) s FROM kb_chat_logs",
  );
  expect(row).toMatchObject({
    channel_id: "18446744073709551615",
    user_hash: "hash",
    room_name: "방",
    sender: "민수",
    message: "안녕하세요",
    directive: "# echo",
    message_type: "command",
    is_meaningful: 0,
    bot_name: "bot",
    is_mention: 1,
    is_group_chat: 1,
    log_id: "3001",
    is_bot: 0,
    is_our_bot_response: 0,
    is_scheduled: 1,
    c: "2024-01-01 12:00:00",
    s: "2024-01-01 12:00:01",
  });
});

test("a batch that a deadlock undid is written whole when it is made again", async () => {
  const batch = (lane: number, from: string, to: string) => {
    const rows = Array.from({ length: 3 }, (_, i) => encodeRow(chatLogRowOf({ message: `${lane}/${to}/${i}` })));
    return { lane, from, to, rows };
  };
  await chatLog.append([batch(0, "0-0", "1-0"), batch(1, "0-0", "1-0")], 0);
  const before = await metric(store.metrics, 'moa_mysql_errors_total{code="deadlock"}');
  const blocked = sql<{
    n: number;
  }>`SELECT COUNT(*) n FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'`;
  let append: Promise<string> | undefined;
  const other = store.mysql.db.transaction().setIsolationLevel("repeatable read");
  await other.execute(async (tx) => {
    // Of two that deadlock the one that changed less is undone: this one is to change more than a batch.
    for (let lane = 100; lane < 150; lane++) {
      await sql`INSERT INTO moa_lane_position (lane, position) VALUES (${lane}, '0-0')`.execute(tx);
    }
    // The batch gets as far as its rows.
    await sql`SELECT id FROM kb_chat_logs FOR UPDATE`.execute(tx);
    append = chatLog.append([batch(0, "1-0", "2-0"), batch(1, "1-0", "2-0")], 0);
    await vi.waitFor(async () => expect(Number((await blocked.execute(store.mysql.db)).rows[0]?.n)).toBe(1), PATIENCE);
    await sql`UPDATE moa_lane_position SET updated_at = NOW(3) WHERE lane = 0`.execute(tx);
  });
  expect(await append).toBe("written");
  expect(await metric(store.metrics, 'moa_mysql_errors_total{code="deadlock"}')).toBe(before + 1);
  const rows = await ask(url, "SELECT message FROM kb_chat_logs WHERE message LIKE '%/2-0/%' ORDER BY id");
  const due = [0, 1].flatMap((lane) => [0, 1, 2].map((i) => `${lane}/2-0/${i}`));
  expect(rows.map(({ message }) => message)).toEqual(due);
  expect([...(await chatLog.positions([0, 1])).values()]).toEqual(["2-0", "2-0"]);
});

test("every text comes back as it went, whatever is in it, and nothing of it is taken for SQL", async () => {
  const nasty = [
    "'",
    '"',
    "\\",
    "\\'",
    "\0",
    "\x1a",
    "\n",
    "\r",
    "?",
    ":a",
    "`",
    "--",
    "/*",
    ";",
    "%",
    "\u2028",
    "\ud800",
    "🎉",
    "👨‍👩‍👧 ㉠ 한",
  ];
  const part = fc.oneof(fc.constantFrom(...nasty), fc.string({ unit: "binary", maxLength: 5 }));
  const text = fc.array(part, { maxLength: 12 }).map((parts) => parts.join(""));
  const texts = [...nasty, "'); DROP TABLE kb_chat_logs; -- ", ...fc.sample(text, 3_000)];
  await append(...texts.slice(0, 1_500).map((message) => chatLogRowOf({ message, sender: message })));
  await chatLog.append(
    [
      {
        lane: 0,
        from: "1-0",
        to: "2-0",
        rows: texts.slice(1_500).map((message) => encodeRow(chatLogRowOf({ message, sender: message }))),
      },
    ],
    0,
  );
  const rows = await stored();
  expect(rows.map((row) => row.message)).toEqual(texts.map((one) => one.toWellFormed()));
  expect(rows.map((row) => row.sender)).toEqual(texts.map((one) => [...one].slice(0, 100).join("").toWellFormed()));
});

test("65,000 Korean characters fit, and statements stay below the server's packet", async () => {
  const message = "가힣".repeat(32_500);
  await append(
    ...Array.from({ length: 40 }, () => chatLogRowOf({ message })),
    chatLogRowOf({ message: "\\".repeat(400_000) }),
  );
  const rows = await ask(url, "SELECT message = ? AS same, CHAR_LENGTH(message) AS chars FROM kb_chat_logs", [message]);
  expect(rows.slice(0, 40).every((row) => row.same === 1)).toBe(true);
  expect(rows[40]?.chars).toBe(150_000);
});

test("overlong values are cut to their column at a whole character", async () => {
  const long = "🎉".repeat(1_000);
  const times = { clientAtMs: 1e18, serverAtMs: 1e18 };
  await append(
    chatLogRowOf({
      channelId: long,
      userHash: long,
      roomName: long,
      sender: long,
      directive: long,
      botName: long,
      logId: long,
      ...times,
    }),
  );
  const [row] = await stored();
  const chars = (value: unknown) => [...String(value)].filter((one) => one === "🎉").length;
  expect(
    ["channel_id", "user_hash", "room_name", "sender", "directive", "bot_name", "log_id"].map((name) =>
      chars(row?.[name]),
    ),
  ).toEqual([50, 100, 255, 100, 30, 30, 50]);
  expect([row?.client_timestamp, row?.server_timestamp]).toEqual([null, null]);
});

test("a position that is not the expected one writes nothing of any lane", async () => {
  const batch = (lane: number, from: string, to: string) => ({ lane, from, to, rows: [encodeRow(chatLogRowOf())] });
  expect(await chatLog.append([batch(0, "0-0", "5-0"), batch(1, "0-0", "6-0")], 0)).toBe("written");
  expect(await chatLog.append([batch(0, "5-0", "7-0"), batch(1, "0-0", "6-0")], 0)).toBe("moved");
  expect(await chatLog.append([batch(0, "5-0", "7-0"), batch(2, "0-0", "1-0"), batch(1, "4-0", "9-0")], 0)).toBe(
    "moved",
  );
  expect(await chatLog.positions([0, 1, 2])).toEqual(
    new Map([
      [0, "5-0"],
      [1, "6-0"],
      [2, "0-0"],
    ]),
  );
  expect(await chatLog.append([batch(0, "5-0", "7-0"), batch(2, "0-0", "1-0")], 0)).toBe("written");
  expect(await stored()).toHaveLength(4);
});

test("two writers racing over the same lanes write each batch once", async () => {
  const other = new MysqlChatLogStore({ mysql: store.mysql, clock, log, metrics: store.metrics.metrics });
  for (let n = 0; n < 60; n++) {
    const batches = [0, 1, 2].map((lane) => ({
      lane,
      from: `${n}-0`,
      to: `${n + 1}-0`,
      rows: [encodeRow(chatLogRowOf({ logId: `${lane}:${n}` }))],
    }));
    const outcomes = await Promise.all([chatLog.append(batches, 0), other.append(batches.toReversed(), 0)]);
    expect(outcomes.toSorted()).toEqual(["moved", "written"]);
  }
  expect(await ask(url, "SELECT COUNT(*) n, COUNT(DISTINCT log_id) d FROM kb_chat_logs")).toEqual([{ n: 180, d: 180 }]);
});

test("of lines given again those on record are left out with their answers, and what is new is written", async () => {
  const saidAtMs = 1_700_000_000_500;
  const said = (message: string, answers: readonly string[] = [], more: Partial<ChatLogRow> = {}) =>
    encodeRow(
      chatLogRowOf({ message, serverAtMs: saidAtMs, logId: null, ...more }),
      answers.length > 0 ? { atMs: saidAtMs, messages: answers } : undefined,
    );
  const give = (n: number, ...rows: readonly string[]) =>
    chatLog.append([{ lane: 0, from: `${n}-0`, to: `${n + 1}-0`, rows }], saidAtMs + 1);
  await give(0, said("one", ["1"]), said("twice"), said("'q\\'"));
  const words = Array.from({ length: 300 }, (_, i) => `crowd ${i}`);
  const crowd = words.map((message) => said(message));
  await give(
    1,
    said("one", ["another bot's"], { botName: "another" }),
    ...[said("one", ["1 again"]), said("ONE", ["I"]), said("twice"), said("twice"), said("'q\\'")],
    ...[said("one", ["7"], { logId: "7" }), said("one", [], { userHash: "other" }), ...crowd, said("crowd 0")],
  );
  await give(2, ...crowd, said("one", [], { serverAtMs: saidAtMs + 1 }));
  const texts = (await stored()).map(({ message }) => message);
  const first = ["one", "1", "twice", "'q\\'"];
  const second = ["one", "another bot's", "ONE", "I", "twice", "one", "7", "one", ...words, "crowd 0"];
  expect(texts).toEqual([...first, ...second, "one"]);
  expect(await metric(store.metrics, 'moa_duplicates_suppressed_total{layer="rows"}')).toBe(4 + 300);
});

test("the look for lines on record uses the original's index", async () => {
  await append(...Array.from({ length: 400 }, (_, i) => chatLogRowOf({ userHash: `u${i}` })));
  const [plan] = await ask(
    url,
    `EXPLAIN SELECT COUNT(*) FROM kb_chat_logs WHERE ${chatLogPlace(chatLogRowOf({ userHash: "u7" }))}`,
  );
  expect(plan?.key).toBe("idx_channel_user_time");
});

test("a row that MySQL refuses for good is left out and counted, those around it are written", async () => {
  // What an operator's own constraint would do.
  await ask(url, "ALTER TABLE kb_chat_logs ADD CONSTRAINT no_poison CHECK (message <> 'poison')");
  const rows = Array.from({ length: 700 }, (_, i) =>
    chatLogRowOf({ message: i === 3 || i === 600 ? "poison" : `m${i}` }),
  );
  expect(await append(...rows)).toBe("written");
  await ask(url, "ALTER TABLE kb_chat_logs DROP CONSTRAINT no_poison");
  expect((await stored()).map((row) => row.message)).toEqual(
    rows.map((row) => row.message).filter((one) => one !== "poison"),
  );
  expect(await metric(store.metrics, "moa_chat_log_rows_refused_total")).toBe(2);
});

test("an id that has come to its end stops the writer instead of dropping rows", async () => {
  await ask(url, "ALTER TABLE kb_chat_logs AUTO_INCREMENT = 2147483647");
  await append(chatLogRowOf());
  const refused = await chatLog
    .append([{ lane: 0, from: "1-0", to: "2-0", rows: [encodeRow(chatLogRowOf())] }], 0)
    .catch((error) => error);
  expect(hasCode(refused, "mysql_unavailable")).toBe(true);
  expect(await chatLog.positions([0])).toEqual(new Map([[0, "1-0"]]));
});

test("an error names codes, never what was said", async () => {
  await ask(url, "ALTER TABLE kb_chat_logs RENAME COLUMN message TO gone");
  const error = await append(chatLogRowOf({ message: "비밀" })).catch((one) => one);
  await ask(url, "ALTER TABLE kb_chat_logs RENAME COLUMN gone TO message");
  expect(error.message).toBe("mysql_unavailable: ER_BAD_FIELD_ERROR 1054 42S22");
  expect(JSON.stringify([error.cause, error.stack])).not.toContain("비밀");
});

test("a query by room, user and time uses the original's index", async () => {
  await append(...Array.from({ length: 400 }, (_, i) => chatLogRowOf({ userHash: `u${i}` })));
  const [plan] = await ask(
    url,
    "EXPLAIN SELECT * FROM kb_chat_logs WHERE channel_id = '18446744073709551615' AND user_hash = 'u7' AND server_timestamp > '2023-01-01'",
  );
  expect(plan?.key).toBe("idx_channel_user_time");
});

test("10,000 rows a second and more", async () => {
  const rows = Array.from({ length: limits.rowsPerTransactionMax }, (_, i) =>
    encodeRow(chatLogRowOf({ message: `오늘 점심 뭐 먹지? ${i} `.repeat(4) })),
  );
  const startMs = performance.now();
  const cpu = process.cpuUsage();
  for (let n = 0; n < 10; n++) await chatLog.append([{ lane: 0, from: `${n}-0`, to: `${n + 1}-0`, rows }], 0);
  const perSecond = (10 * rows.length * 1_000) / (performance.now() - startMs);
  const { user, system } = process.cpuUsage(cpu);
  process.stderr.write(
    `${Math.round(perSecond)} rows/s, ${((user + system) / 10 / rows.length).toFixed(1)} us of Node per row\n`,
  );
  expect(perSecond).toBeGreaterThan(10_000);
});
