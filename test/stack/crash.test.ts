/**
 * kill -9 of a worker at every step of a turn, with real processes, Redis and MariaDB: every line is answered once, in
 * the order of its room, every change is made once, and every line and answer is on record once.
 */
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Connection, createConnection } from "mysql2/promise";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { limits } from "#common/contract/limits.ts";
import { Phone } from "#scripts/phone/phone.ts";
import { balancesOf, sumOf } from "#test/fixtures/balances.ts";
import { stackOfFile } from "#test/fixtures/stack.ts";
import { texts } from "#workers/domain/texts.ts";

const plan = join(tmpdir(), `moa-die-plan-${process.pid}`);
const patience = { timeout: 30_000, interval: 50 };
/** So many that the victim has some of every kind of line, whichever lanes it has. */
const ROOMS = 60;
const LINES = 180;

let world: Awaited<ReturnType<typeof stackOfFile>>;
let mysql: Connection;
const phones: Phone[] = [];
/** Texts as the phones showed them, by room. */
const shown = new Map<string, string[]>();

beforeAll(async () => {
  const workerMain = join(import.meta.dirname, "../fixtures/dying-worker.ts");
  world = await stackOfFile({ workers: 2, workerMain, env: { DIE_PLAN: plan } });
  mysql = await createConnection({ uri: world.stack.mysqlUrl });
  await mysql.query("CREATE TABLE moa_test_bookings (what VARCHAR(100))");
  for (const bot of ["bot-a", "bot-b", "bot-c"]) {
    const port = world.stack.gateways[0]?.ports.bridge as number;
    const phone = new Phone({ host: "127.0.0.1", port, bot, device: `of-${bot}`, dialect: "v333" });
    phone.events.on("shown", ({ room, text }) => {
      shown.set(room, [...(shown.get(room) ?? []), text ?? "media"]);
    });
    phone.connect();
    phones.push(phone);
  }
  await vi.waitFor(() => expect(phones.every((phone) => phone.isOpen)).toBe(true), patience);
});

afterAll(async () => {
  await Promise.all(phones.map((phone) => phone.close()));
  await mysql.end();
  await world.remove();
  rmSync(plan, { force: true });
});

/** Says the lines over rooms and bots; every second one changes what MySQL keeps. Returns the answers due, by room. */
function talk(name: string): Map<string, string[]> {
  const due = new Map<string, string[]>();
  for (let n = 0; n < LINES; n++) {
    const bot = n % phones.length;
    const room = `${name} room ${bot} ${n % ROOMS}`;
    const word = `${name} line ${n}`;
    const books = n % 2 === 0;
    phones[bot]?.say({
      room,
      channel: `${18_000_000_000 + bot * 1_000 + (n % ROOMS)}`,
      sender: "홍길동",
      userHash: "u1",
      text: books ? `# book ${word}` : `# echo ${word}`,
    });
    due.set(room, [...(due.get(room) ?? []), books ? `booked ${word}` : `에코: ${word}`]);
  }
  return due;
}

async function count(sql: string): Promise<number> {
  const [rows] = await mysql.query(sql);
  return Number((rows as { n: number }[])[0]?.n);
}

const steps = [
  ["read", "after"],
  ["apply", "before"],
  ["apply", "after"],
  ["enqueue", "before"],
  ["enqueue", "after"],
  ["commit", "before"],
  ["commit", "after"],
] as const;

test.each(steps)("a worker killed at %s, %s: nothing is lost, doubled or reordered", async (call, moment) => {
  const name = `${call} ${moment}`;
  const victim = world.stack.workers[0]?.child;
  await victim?.stop();
  writeFileSync(plan, JSON.stringify({ call, moment, count: 1 }));
  await victim?.start();
  // Of two: with its first lane alone it might never get to the step.
  await vi.waitFor(async () => expect(sumOf(await balancesOf(world.stack)).isShared(2)).toBe(true), patience);
  const due = talk(name);
  await vi.waitFor(() => expect([existsSync(plan), victim?.pid]).toEqual([false, undefined]), patience);
  await victim?.start();
  for (const [room, answers] of due) await vi.waitFor(() => expect(shown.get(room)).toEqual(answers), patience);
  const rows = `FROM kb_chat_logs WHERE room_name LIKE '${name} room%'`;
  await vi.waitFor(async () => expect(await count(`SELECT COUNT(*) n ${rows}`)).toBe(2 * LINES), patience);
  expect(await count(`SELECT COUNT(DISTINCT message) n ${rows}`)).toBe(2 * LINES);
  const bookings = `FROM moa_test_bookings WHERE what LIKE '${name} line%'`;
  expect(await count(`SELECT COUNT(*) n ${bookings}`)).toBe(LINES / 2);
  expect(await count(`SELECT COUNT(DISTINCT what) n ${bookings}`)).toBe(LINES / 2);
  await vi.waitFor(
    async () => expect(await count("SELECT COUNT(*) n FROM moa_outbox WHERE state = 'open'")).toBe(0),
    patience,
  );
  await vi.waitFor(async () => {
    const { appended, accounted } = sumOf(await balancesOf(world.stack));
    expect(accounted).toBe(appended);
  }, patience);
});

test("a line that kills every worker is parked after its tries, and its room goes on", async () => {
  for (const { child } of world.stack.workers) child.onDeath = () => void child.start();
  const say = (text: string) =>
    phones[0]?.say({ room: "poison", channel: "99", sender: "홍길동", userHash: "u1", text });
  say("# echo before");
  await vi.waitFor(() => expect(shown.get("poison")).toEqual(["에코: before"]), patience);
  say("# die");
  say("# echo after");
  await vi.waitFor(() => expect(shown.get("poison")).toEqual(["에코: before", "에코: after"]), {
    timeout: 90_000,
    interval: 100,
  });
  for (const { child } of world.stack.workers) child.onDeath = () => {};
  const sum = sumOf(await balancesOf(world.stack));
  expect(sum.parked).toBe(1);
  expect(sum.parkedReasons).toEqual(["too_many_attempts"]);
  expect(limits.attemptsMax).toBe(3);
}, 120_000);

test("a change that MySQL refuses is parked at once and the room is told; its next line is answered", async () => {
  const say = (text: string) =>
    phones[0]?.say({ room: "refused", channel: "98", sender: "홍길동", userHash: "u1", text });
  say(`# book ${"too long".repeat(20)}`);
  say("# echo after");
  await vi.waitFor(() => expect(shown.get("refused")).toEqual([texts.turnFailed, "에코: after"]), patience);
  await vi.waitFor(async () => {
    expect(sumOf(await balancesOf(world.stack)).parkedReasons).toContain("mysql_refused");
  }, patience);
});

test("a slow room blocks only itself, and keeps its own order", async () => {
  const say = (room: string, channel: string, text: string) =>
    phones[0]?.say({ room, channel, sender: "홍길동", userHash: "u1", text });
  say("slow", "500", "# nap 3000");
  say("slow", "500", "# echo next");
  for (let room = 0; room < 30; room++) say(`quick ${room}`, `${600 + room}`, "# echo here");
  const quick = () => Array.from({ length: 30 }, (_, room) => shown.get(`quick ${room}`)?.length ?? 0);
  await vi.waitFor(() => expect(quick().every((n) => n === 1)).toBe(true), patience);
  expect(shown.get("slow")).toBeUndefined();
  await vi.waitFor(() => expect(shown.get("slow")).toEqual(["slept 3000", "에코: next"]), patience);
});
