/** kb_schedule and kb_schedule_logs as the original left them, and what the migration makes of them. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask, type MariaDb, startMariaDb } from "#test/fixtures/mariadb.ts";
import { MysqlScheduleStore } from "#workers/stores/schedule-store.ts";
import { openStore } from "./open-store.ts";

const ORIGINAL = readFileSync(new URL("original-schedules.sql", import.meta.url), "utf8");

let server: MariaDb;
beforeAll(async () => {
  server = await startMariaDb();
});
afterAll(() => server.stop());

const INSERT = `INSERT INTO kb_schedule (title, created_by_type, created_by_id, created_by_mb_id, target_bot_name,
    target_room_id, message_text, message_images_1, schedule_type, schedule_time, valid_from, valid_until, next_send_at)
  VALUES ('옛 일정', 'branch', 'b', 'm', 'A', '1', '알림 🎉', '[{"base64":"iVBORw0KGgo="}]', 'daily', '09:00:00',
    '2020-01-01', '2099-01-01', '2026-11-22 09:00:00')`;
const LOG = `INSERT INTO kb_schedule_logs (schedule_id, target_room_id, status, scheduled_at, started_at)
  VALUES (1, '1', 'success', '2026-11-21 09:00:00', '2026-11-21 09:00:00')`;
const OVER = "SELECT COUNT(*) AS n FROM kb_schedule_logs";

test("a filled database of the original keeps its schedules and logs, and what is due of them is found", async () => {
  const url = await server.database("filled");
  for (const statement of [...ORIGINAL.split(";"), INSERT, LOG]) if (statement.trim() !== "") await ask(url, statement);
  const rows = () =>
    Promise.all(["kb_schedule", "kb_schedule_logs"].map((table) => ask(url, `SELECT * FROM ${table}`)));
  const before = await rows();
  const store = await openStore(url);
  const after = await rows();
  for (const [i, [row]] of before.entries()) expect(after[i]).toEqual([expect.objectContaining(row)]);
  const schedules = new MysqlScheduleStore(store.mysql);
  const [due] = await schedules.due(Date.parse("2026-11-22T09:00:00+09:00"), 10, null);
  expect(await schedules.find(due as NonNullable<typeof due>)).toMatchObject({
    ...{ bot: "A", channel: "1", room: null, lacks: "", knownMs: Date.parse("2026-11-22T00:00:00Z") },
    times: { kind: "daily", timesMs: [9 * 3_600_000], validFromMs: Date.parse("2019-12-31T15:00:00Z") },
    parts: [
      { name: "text", reply: { kind: "text", text: "알림 🎉" } },
      { name: "images_1", reply: { media: "image", items: [{ form: "base64", value: "iVBORw0KGgo=" }] } },
    ],
  });
  await ask(url, LOG.replace("success", "missed"));
  await ask(url, "DELETE FROM kb_schedule");
  expect(await ask(url, OVER)).toEqual([{ n: 0 }]);
  await store.close();
});

test("in a fresh database a schedule that is removed takes its logs with it, as admin pages expect", async () => {
  const url = await server.database("fresh");
  await (await openStore(url)).close();
  for (const statement of [INSERT, LOG]) await ask(url, statement);
  await ask(url, "DELETE FROM kb_schedule");
  expect(await ask(url, OVER)).toEqual([{ n: 0 }]);
});
