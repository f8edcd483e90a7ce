import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask, type MariaDb, startMariaDb } from "#test/fixtures/mariadb.ts";
import { migrations } from "#workers/stores/migrations/catalogue.ts";
import { openStore } from "./open-store.ts";

const ORIGINAL = readFileSync(new URL("original-chat-logs.sql", import.meta.url), "utf8");

let server: MariaDb;
beforeAll(async () => {
  server = await startMariaDb();
});
afterAll(() => server.stop());

async function asOriginal(url: string, ddl = ORIGINAL): Promise<void> {
  for (const statement of ddl.split(";").filter((one) => one.trim() !== "")) await ask(url, statement);
}

async function columns(url: string) {
  return ask(
    url,
    `SELECT ordinal_position, column_name, column_type, is_nullable, column_default, character_set_name, collation_name,
      extra, column_comment FROM information_schema.columns
     WHERE table_schema = DATABASE() AND table_name = 'kb_chat_logs' ORDER BY ordinal_position`,
  );
}

async function indexes(url: string) {
  const rows = await ask(url, "SHOW INDEX FROM kb_chat_logs");
  return rows.map(({ Key_name, Seq_in_index, Column_name, Non_unique }) => ({
    Key_name,
    Seq_in_index,
    Column_name,
    Non_unique,
  }));
}

test("a fresh kb_chat_logs equals the original's but for the wider message", async () => {
  const [fresh, original] = [await server.database("fresh"), await server.database("original")];
  await asOriginal(original);
  await (await openStore(fresh)).close();
  const wider = (await columns(original)).map((column) =>
    column.column_name === "message" ? { ...column, column_type: "mediumtext" } : column,
  );
  expect(await columns(fresh)).toEqual(wider);
  expect(wider).toHaveLength(18);
  expect(await indexes(fresh)).toEqual(await indexes(original));
});

test("a filled database of the original keeps its rows and gets a wide message", async () => {
  const url = await server.database("filled");
  await asOriginal(url);
  await ask(
    url,
    `INSERT INTO kb_chat_logs (channel_id, user_hash, message, message_type, bot_name)
     SELECT CONCAT('c', seq), 'u', CONCAT('옛 글 🎉 ', seq), 'text', 'b' FROM seq_1_to_5000`,
  );
  const before = await ask(url, "SELECT *, HEX(message) AS bytes FROM kb_chat_logs ORDER BY id");
  const [columnsBefore, indexesBefore] = [await columns(url), await indexes(url)];
  await (await openStore(url)).close();
  expect(await ask(url, "SELECT *, HEX(message) AS bytes FROM kb_chat_logs ORDER BY id")).toEqual(before);
  const changed = (await columns(url)).filter(
    (column, i) => JSON.stringify(column) !== JSON.stringify(columnsBefore[i]),
  );
  expect(changed.map((column) => [column.column_name, column.column_type])).toEqual([["message", "mediumtext"]]);
  expect(await indexes(url)).toEqual(indexesBefore);
});

test("an operator's collations, wider columns and own columns are left as they are", async () => {
  const url = await server.database("collated");
  await asOriginal(
    url,
    ORIGINAL.replaceAll("utf8mb4_unicode_ci", "utf8mb4_bin")
      .replaceAll("utf8mb4_general_ci", "utf8mb4_unicode_520_ci")
      .replace("`room_name` varchar(255)", "`room_name` varchar(400)")
      .replace("`sender` varchar(100)", "`memo` varchar(9) DEFAULT NULL, `sender` varchar(100)"),
  );
  const before = await columns(url);
  await (await openStore(url)).close();
  expect(await columns(url)).toEqual(
    before.map((column) => (column.column_name === "message" ? { ...column, column_type: "mediumtext" } : column)),
  );
});

test("a table that cannot hold emoji, lacks columns, keys and AUTO_INCREMENT is brought up and keeps its rows", async () => {
  const url = await server.database("short");
  const old = ORIGINAL.slice(0, ORIGINAL.indexOf("ALTER TABLE"))
    .replaceAll(/CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci/g, "")
    .replace("CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci", "CHARSET=utf8mb3")
    .replace("`sender` varchar(100)", "`sender` varchar(40)")
    .replace(/ {2}`is_scheduled`.*\n/, "")
    .replace("우리 봇이 생성한 응답 여부',", "우리 봇이 생성한 응답 여부'");
  await asOriginal(url, old);
  await ask(
    url,
    "INSERT INTO kb_chat_logs (id, channel_id, user_hash, sender, message, message_type, bot_name) VALUES (7,'c','u','민수','안녕','text','b')",
  );
  await (await openStore(url)).close();
  const now = await columns(url);
  expect(now.every((column) => column.character_set_name === null || column.character_set_name === "utf8mb4")).toBe(
    true,
  );
  expect(now.find((column) => column.column_name === "sender")?.column_type).toBe("varchar(100)");
  await ask(
    url,
    "INSERT INTO kb_chat_logs (channel_id, user_hash, sender, message, message_type, bot_name) VALUES ('c','u','🎉','👨‍👩‍👧','text','b')",
  );
  const rows = await ask(url, "SELECT id, sender, message, is_scheduled FROM kb_chat_logs ORDER BY id");
  expect(rows).toEqual([
    { id: 7, sender: "민수", message: "안녕", is_scheduled: 0 },
    { id: 8, sender: "🎉", message: "👨‍👩‍👧", is_scheduled: 0 },
  ]);
  expect(new Set((await indexes(url)).map((index) => index.Key_name))).toEqual(
    new Set(["PRIMARY", "idx_channel_user_time", "idx_meaningful"]),
  );
});

test("four pods that start at once migrate once", async () => {
  const url = await server.database("parallel");
  const child = new URL("migrate-child.ts", import.meta.url).pathname;
  const pods = Array.from({ length: 4 }, () =>
    spawn(process.execPath, [child, url], { stdio: ["pipe", "pipe", "inherit"] }),
  );
  await Promise.all(pods.map((pod) => once(pod.stdout, "data")));
  const codes = Promise.all(pods.map(async (pod) => (await once(pod, "exit"))[0]));
  for (const pod of pods) pod.stdin.write("go\n");
  expect(await codes).toEqual([0, 0, 0, 0]);
  const names = (await ask(url, "SELECT name FROM moa_migrations ORDER BY name")).map((row) => row.name);
  expect(names).toEqual(Object.keys(migrations));
});

test("a pod of the version before starts on a database that a newer one migrated", async () => {
  const url = await server.database("newer");
  await (await openStore(url)).close();
  await ask(
    url,
    "INSERT INTO moa_migrations (name, timestamp) VALUES ('9999-of-tomorrow', '2030-01-01T00:00:00.000Z')",
  );
  await (await openStore(url)).close();
});

test("a migration that was killed in its middle is finished by the next start", async () => {
  const url = await server.database("torn");
  await (await openStore(url)).close();
  await ask(url, "DELETE FROM moa_migrations");
  await ask(url, "DROP TABLE moa_outbox");
  await (await openStore(url)).close();
  expect(await ask(url, "SELECT COUNT(*) AS n FROM moa_outbox")).toEqual([{ n: 0 }]);
});
