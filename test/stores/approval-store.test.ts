import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { MysqlApprovalStore } from "#common/backends/mysql/approval-store.ts";
import { ask, type MariaDb, startMariaDb } from "#test/fixtures/mariadb.ts";
import { type OpenStore, openStore } from "./open-store.ts";

let mariadb: MariaDb;
let url: string;
let store: OpenStore;
let approvals: MysqlApprovalStore;

beforeAll(async () => {
  mariadb = await startMariaDb();
  url = await mariadb.database("moa");
  store = await openStore(url);
  approvals = new MysqlApprovalStore({ mysql: store.mysql, auto: false });
});
afterAll(async () => {
  await store.close();
  await mariadb.stop();
});
beforeEach(async () => {
  await ask(url, "DELETE FROM kb_bot_devices");
  await ask(url, "DELETE FROM kb_rooms");
});

const phone = { bot: "LOA.i", device: "d1", address: "10.0.0.1", clientType: "MessengerBotR", clientVersion: "3.3.3" };
const room = { bot: "LOA.i", device: "d1", channel: "18446369739418675", roomName: "방 🎉" };
const statements = async () => {
  const rows = await ask(url, "SHOW GLOBAL STATUS WHERE Variable_name IN ('Com_select','Com_insert','Com_update')");
  return rows.map(({ Value }) => Number(Value)) as [insert: number, select: number, update: number];
};

test("an unknown device is registered as pending, with what it says of itself, and stays so", async () => {
  expect(await approvals.devices([phone])).toEqual(["pending"]);
  expect(await approvals.devices([phone])).toEqual(["pending"]);
  expect(await ask(url, "SELECT * FROM kb_bot_devices")).toMatchObject([
    {
      bot_name: "LOA.i",
      device_id: "d1",
      ip_address: "10.0.0.1",
      client_type: "MessengerBotR",
      client_version: "3.3.3",
      status: "pending",
      approved_at: null,
      image_resize_width: 900,
      image_resize_enabled: 1,
    },
  ]);
});

test("an unknown room is registered as pending, as the original did", async () => {
  expect(await approvals.rooms([room])).toEqual(["pending"]);
  expect(await ask(url, "SELECT * FROM kb_rooms")).toMatchObject([
    {
      room_id: "18446369739418675",
      room_name: "방 🎉",
      bot_name: "LOA.i",
      device_id: "d1",
      room_concurrency: 2,
      status: "pending",
      description: "자동 등록된 방 - 봇: LOA.i, 디바이스: d1",
    },
  ]);
});

test("where approval is automatic unknown ones are approved, and those that were judged before are not", async () => {
  await ask(url, "INSERT INTO kb_rooms (room_id, bot_name, device_id, status) VALUES ('2','LOA.i','d1','blocked')");
  const auto = new MysqlApprovalStore({ mysql: store.mysql, auto: true });
  expect(await auto.devices([phone])).toEqual(["approved"]);
  expect(await auto.rooms([room, { ...room, channel: "2" }])).toEqual(["approved", "blocked"]);
  expect((await ask(url, "SELECT approved_at FROM kb_bot_devices"))[0]?.approved_at).toBeInstanceOf(Date);
});

test("each of a batch gets its own status, in order, and the whole batch costs one SELECT", async () => {
  const statuses = ["pending", "approved", "denied", "revoked", "blocked"] as const;
  const rooms = Array.from({ length: 100 }, (_, n) => ({ ...room, channel: `${n}` }));
  await approvals.rooms(rooms);
  for (const [n, status] of statuses.entries())
    await ask(url, "UPDATE kb_rooms SET status = ? WHERE room_id % 5 = ?", [status, n]);
  const [inserts, selects, updates] = await statements();
  expect(await approvals.rooms(rooms)).toEqual(rooms.map((_, n) => statuses[n % 5]));
  expect(await statements()).toEqual([inserts, selects + 1, updates]);
});

test("a lookup reads the rows it asks for, not the table", async () => {
  await ask(url, "INSERT INTO kb_rooms (room_id, bot_name, device_id) SELECT seq, 'b', 'd' FROM seq_1_to_20000");
  await ask(url, "ANALYZE TABLE kb_rooms");
  const rows = async () => {
    const counters = await ask(url, "SHOW GLOBAL STATUS LIKE 'Handler_read%'");
    return counters.reduce((sum, { Value }) => sum + Number(Value), 0);
  };
  const before = await rows();
  await approvals.rooms(Array.from({ length: 100 }, (_, n) => ({ ...room, bot: "b", device: "d", channel: `${n}` })));
  expect((await rows()) - before).toBeLessThan(2_000);
});

test("a new name of a room is written once, of that room alone; a device's new address and version likewise", async () => {
  await approvals.rooms([room, { ...room, device: "d2" }]);
  await approvals.rooms([{ ...room, roomName: "새 이름" }]);
  const names = await ask(url, "SELECT device_id, room_name FROM kb_rooms ORDER BY device_id");
  expect(names.map((row) => [row.device_id, row.room_name])).toEqual([
    ["d1", "새 이름"],
    ["d2", "방 🎉"],
  ]);
  await approvals.devices([phone]);
  await approvals.devices([{ ...phone, address: "10.0.0.2", clientVersion: "3.3.4" }]);
  const [, , updates] = await statements();
  await approvals.rooms([{ ...room, roomName: "새 이름" }]);
  await approvals.devices([{ ...phone, address: "10.0.0.2", clientVersion: "3.3.4" }]);
  expect((await statements())[2]).toBe(updates);
  expect(await ask(url, "SELECT ip_address, client_version FROM kb_bot_devices")).toEqual([
    { ip_address: "10.0.0.2", client_version: "3.3.4" },
  ]);
});

test("a name longer than its column is cut at a whole character, and is no news the next time", async () => {
  const long = { ...room, roomName: "🎉".repeat(300) };
  await approvals.rooms([long]);
  const [, , updates] = await statements();
  await approvals.rooms([long]);
  expect((await statements())[2]).toBe(updates);
  expect((await ask(url, "SELECT room_name FROM kb_rooms"))[0]?.room_name).toBe("🎉".repeat(255));
});

test("S-AUTH-03 what does not fit its column is denied and not registered, cut or not", async () => {
  await ask(url, "INSERT INTO kb_bot_devices (bot_name, device_id, status) VALUES (REPEAT('b', 30), 'd', 'approved')");
  await ask(url, "INSERT INTO kb_bot_devices (bot_name, device_id, status) VALUES ('b', REPEAT('d', 100), 'approved')");
  const asked = [
    { ...phone, bot: "b".repeat(31), device: "d" },
    { ...phone, bot: "b", device: "d".repeat(101) },
    { ...phone, bot: "" },
    { ...phone, device: "\ud800" },
  ];
  expect(await approvals.devices([...asked, phone])).toEqual(["denied", "denied", "denied", "denied", "pending"]);
  expect(await approvals.rooms([{ ...room, channel: "1".repeat(101) }])).toEqual(["denied"]);
  expect(await ask(url, "SELECT COUNT(*) AS n FROM kb_bot_devices")).toEqual([{ n: 3 }]);
});

test("S-AUTH-03 a name that MySQL takes for another's is not that other", async () => {
  await approvals.devices([phone]);
  await ask(url, "UPDATE kb_bot_devices SET status = 'approved'");
  const alike = [
    { ...phone, bot: "loa.i" },
    { ...phone, bot: "LOA.i " },
    { ...phone, device: "D1" },
  ];
  expect(await approvals.devices([...alike, phone])).not.toContain(undefined);
  for (const one of await approvals.devices(alike)) expect(one).not.toBe("approved");
  const old = await mariadb.database("careless");
  const careless = await openStore(old);
  await ask(
    old,
    "ALTER TABLE kb_bot_devices MODIFY bot_name varchar(30) COLLATE utf8mb4_general_ci NOT NULL, MODIFY device_id varchar(100) COLLATE utf8mb4_general_ci NOT NULL",
  );
  const there = new MysqlApprovalStore({ mysql: careless.mysql, auto: true });
  await there.devices([phone]);
  const emoji = { ...phone, bot: "🎉" };
  await there.devices([emoji]);
  expect(await there.devices([...alike, { ...emoji, bot: "🍀" }, phone, emoji])).toEqual([
    ...Array(4).fill("denied"),
    "approved",
    "approved",
  ]);
  await careless.close();
});

test("a status that is none of ours is denied", async () => {
  await ask(url, "ALTER TABLE kb_bot_devices MODIFY status varchar(20) NOT NULL DEFAULT 'pending'");
  for (const status of ["", "rejected", "Approved"]) {
    await ask(url, "DELETE FROM kb_bot_devices");
    await ask(url, "INSERT INTO kb_bot_devices (bot_name, device_id, status) VALUES ('LOA.i', 'd1', ?)", [status]);
    expect(await approvals.devices([phone]), status).toEqual(["denied"]);
  }
});

test("no more than 10,000 devices wait for approval: who knocks beyond is denied until somebody looked through them", async () => {
  await ask(url, "INSERT INTO kb_bot_devices (bot_name, device_id) SELECT 'flood', seq FROM seq_1_to_9999");
  expect(await approvals.devices([phone, { ...phone, device: "d2" }])).toEqual(["pending", "denied"]);
  expect(await ask(url, "SELECT COUNT(*) AS n FROM kb_bot_devices")).toEqual([{ n: 10_000 }]);
  await ask(url, "UPDATE kb_bot_devices SET status = 'denied' WHERE bot_name = 'flood'");
  expect(await approvals.devices([{ ...phone, device: "d2" }])).toEqual(["pending"]);
});

test("pods that meet the same unknown room at once register it once and agree", async () => {
  const asked = Array.from({ length: 50 }, (_, n) => ({ ...room, channel: `${n}` }));
  const answers = await Promise.all(Array.from({ length: 8 }, () => approvals.rooms(asked)));
  expect(new Set(answers.flat())).toEqual(new Set(["pending"]));
  expect(await ask(url, "SELECT COUNT(*) AS n FROM kb_rooms")).toEqual([{ n: 50 }]);
});
