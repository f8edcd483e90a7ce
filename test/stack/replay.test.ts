/**
 * Redis dies and comes back without what it had acknowledged, under load, with real processes: the rings of the pods put
 * it back. Every line is answered, in the order of its room, every change is made once, every line and answer is on
 * record once; what the phones see twice is labelled.
 */
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { Phone } from "#scripts/phone/phone.ts";
import { balancesOf, sumOf } from "#test/fixtures/balances.ts";
import { ask } from "#test/fixtures/mariadb.ts";
import { stackOfFile } from "#test/fixtures/stack.ts";
import { metricOf } from "./site.ts";

const patience = { timeout: 45_000, interval: 100 };
const BOTS = ["bot-a", "bot-b", "bot-c"];
const ROOMS = 12;
const LINE_EVERY_MS = 10;
/** Said before the loss and kept; said and lost; said while Redis is away; said after. */
const LINES = { kept: 200, vanishing: 150, away: 50, after: 200 };

let world: Awaited<ReturnType<typeof stackOfFile>>;
const phones: Phone[] = [];
/** Texts as the phones showed them, by room; labelled ones apart. */
const shown = new Map<string, string[]>();
const labelled = new Set<string>();

beforeAll(async () => {
  const workerMain = join(import.meta.dirname, "../fixtures/dying-worker.ts");
  world = await stackOfFile({ gateways: 2, workers: 2, workerMain });
  await ask(world.stack.mysqlUrl, "CREATE TABLE moa_test_bookings (what VARCHAR(100))");
  for (const [i, bot] of BOTS.entries()) {
    const port = world.stack.gateways[i % 2]?.ports.bridge as number;
    const phone = new Phone({ host: "127.0.0.1", port, bot, device: `of-${bot}`, dialect: "v333", hurry: 20 });
    phone.events.on("shown", ({ room, text, data }) => {
      if (data.resent === true) labelled.add(`${text}`);
      shown.set(room, [...(shown.get(room) ?? []), `${text}`]);
    });
    phone.connect();
    phones.push(phone);
  }
  await vi.waitFor(() => expect(phones.every((phone) => phone.isOpen)).toBe(true), patience);
});

afterAll(async () => {
  await Promise.all(phones.map((phone) => phone.close()));
  await world?.remove();
});

/** Talks until told, a line after the other over bots and rooms; every second one changes what MySQL keeps. */
class Talk {
  readonly due = new Map<string, string[]>();
  lines = 0;
  bookings = 0;
  readonly #name: string;
  readonly #timer: NodeJS.Timeout;

  constructor(name: string) {
    this.#name = name;
    this.#timer = setInterval(() => this.#say(), LINE_EVERY_MS);
  }

  /** Resolves when it has said so many more. */
  async said(more: number): Promise<void> {
    const lines = this.lines + more;
    await vi.waitFor(() => expect(this.lines).toBeGreaterThanOrEqual(lines), patience);
  }

  end(): void {
    clearInterval(this.#timer);
  }

  #say(): void {
    const n = this.lines++;
    const bot = n % phones.length;
    const room = `${this.#name} room ${bot} ${n % ROOMS}`;
    const word = `${this.#name} line ${n}`;
    const books = n % 2 === 0;
    if (books) this.bookings++;
    phones[bot]?.say({
      room,
      channel: `${18_000_000_000 + bot * 1_000 + (n % ROOMS)}`,
      sender: "홍길동",
      userHash: "u1",
      text: books ? `# book ${word}` : `# echo ${word}`,
    });
    this.due.set(room, [...(this.due.get(room) ?? []), books ? `booked ${word}` : `에코: ${word}`]);
  }
}

async function count(from: string): Promise<number> {
  return Number((await ask(world.stack.mysqlUrl, `SELECT COUNT(*) n FROM ${from}`))[0]?.n);
}

const pods = () => [...world.stack.gateways, ...world.stack.workers];
const restored = (what: string) => metricOf(pods(), "moa_replayed_total", `what="${what}",result="restored"`);

/** In the order of the first time; a text that came again must be labelled. */
function firstTimes(texts: readonly string[]): { readonly first: string[]; readonly unlabelled: string[] } {
  const first = [...new Set(texts)];
  const unlabelled = first.filter((text) => texts.indexOf(text) !== texts.lastIndexOf(text) && !labelled.has(text));
  return { first, unlabelled };
}

const dataDir = () => join(world.dir, "redis");
const copyDir = () => join(world.dir, "redis-copy");

/** What Redis has now, as it stands in its append-only file: a prefix of what it acknowledged. */
function copied(): void {
  rmSync(copyDir(), { recursive: true, force: true });
  cpSync(dataDir(), copyDir(), { recursive: true });
}

function setBack(): void {
  rmSync(dataDir(), { recursive: true });
  cpSync(copyDir(), dataDir(), { recursive: true });
}

function emptied(): void {
  rmSync(dataDir(), { recursive: true });
  mkdirSync(dataDir());
}

async function marked<T>(work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(world.stack.redisUrl);
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

test.each([
  ["suffix", "the last second and a half", setBack],
  ["everything", "everything", emptied],
  ["again", "the last second and a half, once more", setBack],
])(
  "%s: Redis loses %s that it acknowledged, and nothing of it is lost, doubled or reordered",
  async (name, _, ruin) => {
    const before = { events: await restored("event") };
    const talk = new Talk(name);
    await talk.said(LINES.after);
    copied();
    await marked((redis) => redis.set(`vanishes:${name}`, "1"));
    await talk.said(LINES.vanishing);
    await world.stack.redis?.kill();
    ruin();
    await talk.said(LINES.away);
    await world.stack.redis?.start();
    expect(await marked((redis) => redis.exists(`vanishes:${name}`))).toBe(0);
    await talk.said(LINES.after);
    talk.end();

    await vi.waitFor(() => {
      const missing = [...talk.due].flatMap(([room, due]) => due.filter((text) => !shown.get(room)?.includes(text)));
      expect(missing).toEqual([]);
    }, patience);
    expect((await restored("event")) - before.events).toBeGreaterThan(0);
    for (const [room, due] of talk.due) {
      expect({ room, ...firstTimes(shown.get(room) ?? []) }).toEqual({ room, first: due, unlabelled: [] });
    }
    expect(await count(`moa_test_bookings WHERE what LIKE '${name} line%'`)).toBe(talk.bookings);
    const rows = `kb_chat_logs WHERE room_name LIKE '${name} room%'`;
    await vi.waitFor(async () => expect(await count(rows)).toBe(2 * talk.lines), patience);
    expect(await count(`(SELECT DISTINCT message FROM ${rows}) d`)).toBe(2 * talk.lines);
    await vi.waitFor(async () => {
      const { appended, accounted, parked } = sumOf(await balancesOf(world.stack));
      expect([accounted, parked]).toEqual([appended, 0]);
    }, patience);
  },
);
