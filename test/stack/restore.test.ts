/**
 * The restore of docs/backup.md, with real processes: a dump is made in the middle of the talk, the talk goes on, all is
 * stopped, MySQL goes back to the dump and Redis starts empty. What is said from then on is answered once, in order, and
 * on record once; of what was said before, no row is there twice.
 */
import { execFile } from "node:child_process";
import { createReadStream, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { Phone } from "#scripts/phone/phone.ts";
import { programOf } from "#scripts/stack/program.ts";
import { balancesOf, sumOf, topology } from "#test/fixtures/balances.ts";
import { ask } from "#test/fixtures/mariadb.ts";
import { stackOfFile } from "#test/fixtures/stack.ts";

const patience = { timeout: 30_000, interval: 50 };
const ROOMS = 12;
const LINES = 48;
const HOUR_MS = 3_600_000;

let world: Awaited<ReturnType<typeof stackOfFile>>;
let phone: Phone | undefined;
/** Texts as the phone showed them, by room. */
const shown = new Map<string, string[]>();

beforeAll(async () => {
  const workerMain = join(import.meta.dirname, "../fixtures/dying-worker.ts");
  world = await stackOfFile({ workers: 2, workerMain });
  await sql("CREATE TABLE moa_test_bookings (what VARCHAR(100))");
  const port = world.stack.gateways[0]?.ports.bridge as number;
  phone = new Phone({ host: "127.0.0.1", port, bot: "bot", device: "of-bot", dialect: "v333", hurry: 20 });
  phone.events.on("shown", ({ room, text }) => void shown.set(room, [...(shown.get(room) ?? []), text ?? "media"]));
  phone.connect();
});

afterAll(async () => {
  await phone?.close();
  await world?.remove();
});

function sql(statement: string): Promise<Record<string, unknown>[]> {
  return ask(world.stack.mysqlUrl, statement);
}

async function count(from: string): Promise<number> {
  return Number((await sql(`SELECT COUNT(*) n FROM ${from}`))[0]?.n);
}

/** Says the lines over rooms; every second one changes what MySQL keeps. Returns the answers due, by room. */
function talk(name: string): Map<string, string[]> {
  const due = new Map<string, string[]>();
  for (let n = 0; n < LINES; n++) {
    const room = `${name} room ${n % ROOMS}`;
    const books = n % 2 === 0;
    const text = books ? `# book ${name} line ${n}` : `# echo ${name} line ${n}`;
    phone?.say({ room, channel: `${18_000_000_000 + (n % ROOMS)}`, sender: "홍길동", userHash: "u1", text });
    due.set(room, [...(due.get(room) ?? []), `${books ? "booked" : "에코:"} ${name} line ${n}`]);
  }
  return due;
}

const rowsOf = (name: string) => `kb_chat_logs WHERE room_name LIKE '${name} room%'`;

async function answered(due: Map<string, string[]>): Promise<void> {
  for (const [room, answers] of due) await vi.waitFor(() => expect(shown.get(room)).toEqual(answers), patience);
}

async function onRecord(name: string): Promise<void> {
  await vi.waitFor(async () => expect(await count(rowsOf(name))).toBe(2 * LINES), patience);
  await expectNoDoubles(name);
  expect(await count(`moa_test_bookings WHERE what LIKE '${name} line%'`)).toBe(LINES / 2);
}

async function expectNoDoubles(name: string): Promise<void> {
  const doubles = `(SELECT message FROM ${rowsOf(name)} GROUP BY message HAVING COUNT(*) > 1) d`;
  expect(await count(doubles)).toBe(0);
  expect(await count(`(SELECT what FROM moa_test_bookings GROUP BY what HAVING COUNT(*) > 1) d`)).toBe(0);
}

/** As docs/backup.md says; the password is no argument, as others see those. */
function client() {
  const { hostname, port, username, password, pathname } = new URL(world.stack.mysqlUrl);
  const place = ["--no-defaults", `--host=${hostname}`, `--port=${port}`, `--user=${username}`];
  const env = { ...process.env, MYSQL_PWD: password };
  return { place, env, database: pathname.slice(1) };
}

async function backUp(file: string): Promise<void> {
  const { place, env, database } = client();
  const how = ["--single-transaction", "--no-tablespaces", "--default-character-set=utf8mb4", `--result-file=${file}`];
  await promisify(execFile)(programOf("mariadb-dump", "mysqldump"), [...place, ...how, database], { env });
}

async function restore(file: string): Promise<void> {
  const { place, env, database } = client();
  await sql(`DROP DATABASE \`${database}\``);
  await ask(world.stack.mysqlUrl.replace(/\/moa$/, "/"), `CREATE DATABASE \`${database}\``);
  const reading = promisify(execFile)(programOf("mariadb", "mysql"), [...place, database], { env });
  createReadStream(file).pipe(reading.child.stdin as NodeJS.WritableStream);
  await reading;
}

async function stopAll(): Promise<void> {
  const { gateways, workers, redis } = world.stack;
  for (const { child } of [...gateways, ...workers]) await child.stop();
  await redis?.stop();
}

async function startAll(): Promise<void> {
  const { gateways, workers, redis } = world.stack;
  await redis?.start();
  await Promise.all([...workers, ...gateways].map(({ child }) => child.start()));
}

function emptied(): void {
  const dir = join(world.dir, "redis");
  rmSync(dir, { recursive: true });
  mkdirSync(dir);
}

/** What MySQL knows of the lanes is ahead of the new Redis' clock. */
async function clockBehind(): Promise<void> {
  emptied();
  const ahead = Date.now() + HOUR_MS;
  for (let lane = 0; lane < topology.shards * topology.lanesPerShard; lane++) {
    await sql(`REPLACE INTO moa_lane_position (lane, position) VALUES (${lane}, '${ahead}-7')`);
    await sql(`REPLACE INTO moa_lanes (lane, epoch) VALUES (${lane}, ${ahead})`);
  }
}

test.each([
  ["empty", "an empty Redis", async () => emptied()],
  ["behind", "an empty Redis whose clock is an hour behind the former one's", clockBehind],
  ["kept", "the Redis of before", async () => {}],
])("%s: after MySQL went back, with %s, all goes on and each row is there once", async (name, _, ruin) => {
  const file = join(world.dir, `${name}.sql`);
  await vi.waitFor(() => expect(phone?.isOpen).toBe(true), patience);
  await answered(talk(`${name} early`));
  await onRecord(`${name} early`);
  const middle = talk(`${name} middle`);
  await backUp(file);
  await answered(middle);
  await answered(talk(`${name} gone`));
  await onRecord(`${name} gone`);

  await stopAll();
  await restore(file);
  await ruin();
  await startAll();
  await vi.waitFor(() => expect(phone?.isOpen).toBe(true), patience);

  await answered(talk(`${name} again`));
  await onRecord(`${name} again`);
  await onRecord(`${name} early`);
  await expectNoDoubles(`${name} middle`);
  expect(await count(rowsOf(`${name} gone`))).toBe(0);
  const open = `moa_outbox WHERE state = 'open' AND action LIKE '%${name} again%'`;
  await vi.waitFor(async () => expect(await count(open)).toBe(0), patience);
  await vi.waitFor(async () => {
    const { appended, accounted, parked } = sumOf(await balancesOf(world.stack));
    expect([accounted, parked]).toEqual([appended, 0]);
  }, patience);
});
