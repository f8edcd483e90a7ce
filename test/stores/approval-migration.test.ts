/** kb_bot_devices and kb_rooms as the original's setups left them, and what the migration makes of them. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { MysqlApprovalStore } from "#common/backends/mysql/approval-store.ts";
import { ask, type MariaDb, startMariaDb } from "#test/fixtures/mariadb.ts";
import { openStore } from "./open-store.ts";

const ORIGINAL = readFileSync(new URL("original-approval.sql", import.meta.url), "utf8");

let server: MariaDb;
beforeAll(async () => {
  server = await startMariaDb();
});
afterAll(() => server.stop());

async function asOriginal(url: string, ddl = ORIGINAL): Promise<void> {
  for (const statement of ddl.split(";").filter((one) => one.trim() !== "")) await ask(url, statement);
}

async function keysOf(url: string, table: string) {
  const rows = await ask(
    url,
    `SELECT MAX(non_unique) AS more, GROUP_CONCAT(column_name ORDER BY seq_in_index) AS columns
     FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = ? GROUP BY index_name`,
    [table],
  );
  return rows.filter(({ more }) => Number(more) === 0).map(({ columns }) => columns);
}

async function columnsOf(url: string, table: string) {
  const rows = await ask(
    url,
    `SELECT column_name AS name, column_type AS type FROM information_schema.columns
     WHERE table_schema = DATABASE() AND table_name = ? ORDER BY ordinal_position`,
    [table],
  );
  return new Map(rows.map(({ name, type }) => [name, type]));
}

const phone = { bot: "A", device: "d", address: "10.0.0.1", clientType: "t", clientVersion: "3" };

test("a filled database of the original keeps its devices, and a second bot on one phone is a device of its own", async () => {
  const url = await server.database("filled");
  await asOriginal(url);
  await ask(
    url,
    "INSERT INTO kb_bot_devices (bot_name, device_id, status) VALUES ('A','d','approved'),('B','e','blocked')",
  );
  const before = await ask(url, "SELECT * FROM kb_bot_devices ORDER BY id");
  const store = await openStore(url);
  const after = await ask(url, "SELECT * FROM kb_bot_devices ORDER BY id");
  expect(after).toEqual(before.map((row) => expect.objectContaining(row)));
  expect(await keysOf(url, "kb_bot_devices")).toEqual(expect.arrayContaining(["id", "bot_name,device_id"]));
  expect(await keysOf(url, "kb_bot_devices")).not.toContain("device_id");
  const approvals = new MysqlApprovalStore({ mysql: store.mysql, auto: false });
  expect(await approvals.devices([phone, { ...phone, bot: "B" }])).toEqual(["approved", "pending"]);
  await store.close();
});

test("rooms that were known by their id alone are kept, and wait for approval as one device sees them", async () => {
  const url = await server.database("rooms");
  await asOriginal(url);
  await ask(
    url,
    `INSERT INTO kb_rooms (room_id, bot_name, room_name, room_owners, status) VALUES ('1','A','방 🎉','["민수"]','approved')`,
  );
  const store = await openStore(url);
  expect(await keysOf(url, "kb_rooms")).toEqual(["room_id,bot_name,device_id"]);
  const columns = await columnsOf(url, "kb_rooms");
  expect(columns.get("status")).toBe("enum('pending','approved','denied','revoked','blocked')");
  expect(columns.get("room_id")).toBe("varchar(100)");
  expect(columns.get("created_at")).toBe("timestamp");
  const approvals = new MysqlApprovalStore({ mysql: store.mysql, auto: false });
  expect(await approvals.rooms([{ bot: "A", device: "d", channel: "1", roomName: "방 🎉" }])).toEqual(["pending"]);
  expect(await ask(url, "SELECT device_id, room_owners, status FROM kb_rooms ORDER BY device_id")).toEqual([
    { device_id: "", room_owners: ["민수"], status: "approved" },
    { device_id: "d", room_owners: null, status: "pending" },
  ]);
  await store.close();
});

test("a table of today's form, an operator's statuses, collations and own columns are left as they are", async () => {
  const url = await server.database("kept");
  const ddl = ORIGINAL.replace("UNIQUE KEY `device_id` (`device_id`)", "UNIQUE KEY `own` (`bot_name`,`device_id`)")
    .replaceAll(
      /`status` enum\([^)]*\)/g,
      "`status` enum('suspended','pending','approved','denied','revoked','blocked')",
    )
    .replace(
      "`bot_name` varchar(30)",
      "`memo` varchar(9) DEFAULT NULL, `bot_name` varchar(60) COLLATE utf8mb4_swedish_ci",
    )
    .replace("`room_id` varchar(50) NOT NULL", "`room_id` varchar(100) NOT NULL, `device_id` varchar(255) NOT NULL")
    .replace("PRIMARY KEY (`room_id`)", "PRIMARY KEY (`room_id`,`bot_name`,`device_id`)");
  await asOriginal(url, ddl);
  const [devices, rooms] = [await columnsOf(url, "kb_bot_devices"), await columnsOf(url, "kb_rooms")];
  await (await openStore(url)).close();
  for (const [name, type] of devices) expect((await columnsOf(url, "kb_bot_devices")).get(name)).toBe(type);
  for (const [name, type] of rooms) expect((await columnsOf(url, "kb_rooms")).get(name)).toBe(type);
  expect(await keysOf(url, "kb_bot_devices")).toEqual(expect.arrayContaining(["bot_name,device_id"]));
  const [made] = await ask(url, "SHOW CREATE TABLE kb_bot_devices");
  expect(made?.["Create Table"]).toMatch(/utf8mb4_swedish_ci[\s\S]*KEY `own`/);
  expect(made?.["Create Table"]).not.toContain("uk_bot_device");
});

test("tables that cannot hold emoji, and rooms whose device may be NULL, are brought up with their rows", async () => {
  const url = await server.database("short");
  await asOriginal(
    url,
    ORIGINAL.replaceAll(/CHARSET=utf8mb4 COLLATE=\w+/g, "CHARSET=utf8mb3").replace(
      "`room_id` varchar(50) NOT NULL",
      "`room_id` varchar(50) NOT NULL, `device_id` varchar(100) DEFAULT NULL",
    ),
  );
  await ask(url, "INSERT INTO kb_rooms (room_id, bot_name, room_name) VALUES ('1','A','방')");
  const store = await openStore(url);
  const approvals = new MysqlApprovalStore({ mysql: store.mysql, auto: false });
  const room = { bot: "🎉", device: "d", channel: "1", roomName: "👨‍👩‍👧" };
  expect(await approvals.rooms([room])).toEqual(["pending"]);
  expect(await approvals.devices([{ ...phone, bot: "🎉" }])).toEqual(["pending"]);
  expect(await ask(url, "SELECT bot_name, device_id, room_name FROM kb_rooms ORDER BY device_id")).toEqual([
    { bot_name: "A", device_id: "", room_name: "방" },
    { bot_name: "🎉", device_id: "d", room_name: "👨‍👩‍👧" },
  ]);
  await store.close();
});

test("a migration that ran before changes nothing when it runs again", async () => {
  const url = await server.database("twice");
  await asOriginal(url);
  await (await openStore(url)).close();
  const shapes = async () => {
    const tables = ["kb_bot_devices", "kb_rooms", "moa_audit"];
    return Promise.all(tables.map(async (table) => (await ask(url, `SHOW CREATE TABLE ${table}`))[0]));
  };
  const before = await shapes();
  await ask(url, "DELETE FROM moa_migrations");
  await (await openStore(url)).close();
  expect(await shapes()).toEqual(before);
});
