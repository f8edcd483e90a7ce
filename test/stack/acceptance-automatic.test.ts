/**
 * Rows of docs/acceptance.md about what bots say by themselves: automatic replies by an operator's rules, and what an admin
 * page has written into kb_schedule. The worker dies between the two writes of the first sending, and another run of it
 * goes on.
 */
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { ask } from "#test/fixtures/mariadb.ts";
import { moaOf, TOKEN } from "#test/fixtures/moa.ts";
import { freshBot, RawPhone } from "#test/fixtures/raw-phone.ts";
import { stackOfFile } from "#test/fixtures/stack.ts";

const BOT = "scheduled-bot";
const MINUTE = 60_000;
/** Of the job, of the sweep that offers what a dead worker left, and of a worker's start. */
const patience = { timeout: 60_000, interval: 100 };
const plan = join(tmpdir(), `moa-schedule-plan-${process.pid}`);

let world: Awaited<ReturnType<typeof stackOfFile>>;

beforeAll(async () => {
  writeFileSync(plan, JSON.stringify({ call: "keep", moment: "after", count: 2 }));
  const workerMain = join(import.meta.dirname, "../fixtures/dying-worker.ts");
  world = await stackOfFile({ workerMain, env: { DIE_PLAN: plan, MOA_OPS_TOKEN: TOKEN } });
});
afterAll(async () => {
  await world?.remove();
  rmSync(plan, { force: true });
});

const sql = (statement: string, values: unknown[] = []) => ask(world.stack.mysqlUrl, statement, values);
const wall = (ms: number) => new Date(ms + 540 * MINUTE).toISOString().slice(0, 19).replace("T", " ");

const port = () => world.stack.gateways[0]?.ports.bridge as number;

/** A daily one, as an admin page writes it. */
async function schedule(text: string, dueMs: number, more: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const due = wall(dueMs);
  const row = {
    ...{ title: text, target_bot_name: BOT, target_device_id: `device of ${BOT}`, target_room_id: "1001" },
    ...{ message_text: text, schedule_type: "daily", schedule_time: due.slice(11), next_send_at: due, ...more },
  };
  const made = await sql("INSERT INTO kb_schedule SET ?", [row]);
  return `${(made as unknown as { insertId: number }).insertId}`;
}

test("D-55 L-03 L-04 L-05 what a rule of the room fits is answered by it alone, until the rule is removed", async () => {
  const bot = freshBot();
  const phone = (await RawPhone.identified(port(), bot)).echoPings();
  const moa = moaOf(world.stack.workers);
  const add = (trigger: string, ...more: readonly string[]) => moa("replies", "add", bot, "1001", trigger, ...more);
  const added = [
    add("^안녕$", "--reply", "안녕하세요! {{USERNAME}}님", "--place", "1"),
    add("안녕", "--reply", "never"),
    add("(a|a)*$", "--reply", "never"),
  ];
  for (const ran of await Promise.all(added)) expect(ran).toMatchObject({ code: 0, err: "" });
  // Last: who knows it knows the others.
  expect((await add("메아리", "--command", "# echo 네")).code).toBe(0);
  expect((await add("(?=x)", "--reply", "x")).code).toBe(2);
  expect((await add("x", "--command", "# [환율]")).err).toContain("no command begins like that");
  await vi.waitFor(() => {
    phone.say("메아리");
    expect(phone.shown).toContain("에코: 네");
  }, patience);
  phone.say("안녕");
  phone.say("안녕", { channelId: "2002" });
  phone.say(`${"a".repeat(60)}!`);
  for (const channelId of ["1001", "2002"]) phone.say(`# echo ${channelId}`, { channelId });
  const answers = () => phone.shown.filter((text) => text !== "에코: 네");
  await vi.waitFor(() => expect(answers()).toHaveLength(3), patience);
  expect(answers().toSorted()).toEqual(["안녕하세요! 홍길동님", "에코: 1001", "에코: 2002"].toSorted());

  const rows = () => sql("SELECT * FROM kb_chat_logs WHERE bot_name = ? AND message LIKE '안녕%' ORDER BY id", [bot]);
  await vi.waitFor(async () => expect(await rows()).toHaveLength(3), patience);
  const said = (await rows()).map((row) => [row.channel_id, row.message, row.directive, row.message_type, row.is_bot]);
  expect(said.toSorted()).toEqual([
    ["1001", "안녕", null, "auto_replay", 0],
    ["1001", "안녕하세요! 홍길동님", null, "auto_replay", 1],
    ["2002", "안녕", null, "normal", 0],
  ]);

  const [first] = (await moa("replies", "list", "--bot", bot, "--json")).json.replies as { id: number }[];
  expect((await moa("replies", "remove", `${first?.id}`)).code).toBe(0);
  expect((await moa("replies", "remove", `${first?.id}`)).code).toBe(3);
  await vi.waitFor(() => {
    phone.say("안녕");
    expect(phone.shown).toContain("never");
  }, patience);
  const audit = await sql("SELECT action FROM moa_audit WHERE subject LIKE ? ORDER BY id", [`${bot} 1001 %`]);
  expect(audit.map(({ action }) => action)).toEqual([...Array(4).fill("replies.add"), "replies.remove"]);
});

test("D-49 D-50 D-51 D-57 what is due is shown once, though its worker dies, and what is too old is missed", async () => {
  const phone = (await RawPhone.identified(port(), BOT)).echoPings();
  phone.say("hello");
  await vi.waitFor(
    async () => expect(await sql("SELECT * FROM kb_rooms WHERE bot_name = ?", [BOT])).toHaveLength(1),
    patience,
  );
  const now = Date.now();
  const weekday = new Date(now - 3 * MINUTE + 540 * MINUTE).toLocaleDateString("en-US", {
    weekday: "long",
    timeZone: "UTC",
  });
  const until = { valid_until: wall(now - 24 * 60 * MINUTE) };
  const weekly = { schedule_type: "weekly", schedule_weekdays: weekday.toLowerCase() };
  await schedule("missed", now - 10 * MINUTE);
  const late = await schedule("late", now - 3 * MINUTE, weekly);
  const due = await schedule("due", now);
  await schedule("over", now, until);

  const worker = world.stack.workers[0]?.child;
  await vi.waitFor(() => expect([existsSync(plan), worker?.pid]).toEqual([false, undefined]), patience);
  expect(phone.shown).toEqual([]);
  // Old enough for the sweep, which leaves what a worker may still have in its hands.
  await sql("UPDATE moa_outbox SET created_at = created_at - INTERVAL 21 SECOND");
  await worker?.start();
  const moa = moaOf(world.stack.workers);
  const success = "SELECT * FROM kb_schedule_logs WHERE status = 'success' AND schedule_id IN (?, ?)";
  await vi.waitFor(async () => expect(await sql(success, [late, due])).toHaveLength(2), patience);
  const { logs: sendings } = (await moa("schedules", "show", late, "--json")).json;
  const times = { due: wall(now - 3 * MINUTE), started: expect.any(String), completed: expect.any(String) };
  expect(sendings).toEqual([
    { status: "success", components: "text", why: null, tookMs: expect.any(Number), ...times },
  ]);
  expect(phone.shown.toSorted()).toEqual(["due", "late"]);

  const rows = await sql("SELECT * FROM kb_chat_logs WHERE is_scheduled = 1 ORDER BY message");
  const kind = { directive: "SCHEDULED_MSG", message_type: "scheduled", is_bot: 1, room_name: "테스트방" };
  expect(rows).toMatchObject([
    { message: "due", ...kind },
    { message: "late", ...kind },
  ]);
  const logs = await sql(
    "SELECT title, l.status FROM kb_schedule_logs l JOIN kb_schedule s ON s.id = schedule_id ORDER BY title",
  );
  expect(logs.map((row) => Object.values(row))).toEqual([
    ["due", "success"],
    ["late", "success"],
    ["missed", "missed"],
  ]);
  const { json } = await moa("schedules", "list", "--json");
  const said = json.schedules as { title: string; status: string; next: string; sent: number }[];
  const found = Object.fromEntries(said.map(({ title, status, next, sent }) => [title, [status, next, sent]]));
  expect(found).toEqual({
    missed: ["active", wall(now - 10 * MINUTE + 24 * 60 * MINUTE), 0],
    late: ["active", wall(now - 3 * MINUTE + 7 * 24 * 60 * MINUTE), 1],
    due: ["active", wall(now + 24 * 60 * MINUTE), 1],
    over: ["completed", null, 0],
  });
});
