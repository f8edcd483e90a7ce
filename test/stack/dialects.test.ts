/** Phones of every workable dialect, and lines that no phone should say in one, on a whole stack: two gateways, two workers. */
import { once } from "node:events";
import { type Connection, createConnection } from "mysql2/promise";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { DIALECT_NAMES, type DialectName, phoneDialects } from "#scripts/phone/dialects.ts";
import { Phone } from "#scripts/phone/phone.ts";
import type { Pod } from "#scripts/stack/pod.ts";
import { RawDialect } from "#test/fixtures/raw-dialect.ts";
import { stackOfFile } from "#test/fixtures/stack.ts";
import { metricOf, outboxesOf } from "./site.ts";
import { runTakeovers } from "./takeovers.ts";

const patience = { timeout: 20_000, interval: 20 };
const ROOMS = ["가족방", "회사 방 😀", "동네 모임"];
const TURNS = 5;

let world: Awaited<ReturnType<typeof stackOfFile>>;
let mysql: Connection;
let members: Member[] = [];
let raws: RawDialect[] = [];

beforeAll(async () => {
  world = await stackOfFile({
    gateways: 2,
    workers: 2,
    workerMain: `${import.meta.dirname}/../fixtures/odd-worker.ts`,
  });
  mysql = await createConnection({ uri: world.stack.mysqlUrl });
});
afterEach(async () => {
  await Promise.all(members.map(({ phone }) => phone.close()));
  for (const { phone } of raws) phone.socket.destroy();
  members = [];
  raws = [];
  await vi.waitFor(async () => expect(await connections("writer")).toBe(0), patience);
});
afterAll(async () => {
  await mysql.end();
  await world.remove();
});

/** A phone and what it showed, by room. */
class Member {
  readonly bot: string;
  readonly phone: Phone;
  readonly shown = new Map<string, string[]>();

  constructor(bot: string, dialect: DialectName, gateway: number) {
    const server = { host: "127.0.0.1", port: portOf(gateway) };
    this.bot = bot;
    this.phone = new Phone({ bot, device: `${bot} ${members.length}`, dialect, hurry: 8, servers: [server] });
    this.phone.events.on("shown", ({ room, text, media }) => this.in(room).push(text ?? media?.join(" ") ?? ""));
    members.push(this);
  }

  async connect(): Promise<this> {
    const welcomed = once(this.phone.events, "welcome");
    this.phone.connect();
    await welcomed;
    return this;
  }

  say(room: string, text: string): void {
    const channel = `18445682959392${100 + ROOMS.indexOf(room)}`;
    this.phone.say({ room, channel, sender: "홍길동", userHash: "u1", text });
  }

  in(room: string): string[] {
    const texts = this.shown.get(room) ?? [];
    this.shown.set(room, texts);
    return texts;
  }

  async until(room: string, texts: readonly string[]): Promise<void> {
    await vi.waitFor(() => expect(this.in(room)).toEqual(texts), patience);
  }
}

function everyDialect(name: string, gatewayOf: (index: number) => number): Promise<Member[]> {
  return Promise.all(DIALECT_NAMES.map((one, i) => new Member(`${name} ${one}`, one, gatewayOf(i)).connect()));
}

function portOf(gateway: number): number {
  return (world.stack.gateways[gateway] as Pod).ports.bridge as number;
}

async function rawOf(name: DialectName, gateway = 0): Promise<RawDialect> {
  const raw = await RawDialect.dial(portOf(gateway), name);
  raws.push(raw);
  return raw;
}

function connections(role: "writer" | "standby"): Promise<number> {
  return metricOf(world.stack.gateways, "moa_connections", `role="${role}"`);
}

/** Every answer is confirmed: one that was not may be shown again by the next writer, labelled. */
async function trimmed(): Promise<void> {
  const bots = members.map(({ bot }) => bot);
  for (const { child } of world.stack.gateways) {
    await vi.waitFor(async () => expect(await outboxesOf(world.stack, child.name, bots)).toBe(0), patience);
  }
}

async function rowsOf(bot: string, isOurs: boolean): Promise<string[]> {
  const sql = "SELECT message FROM kb_chat_logs WHERE bot_name = ? AND is_our_bot_response = ? ORDER BY id";
  const [rows] = await mysql.query(sql, [bot, isOurs]);
  return (rows as { message: string }[]).map(({ message }) => message);
}

/** Turn by turn: the next line is said when the last one's answer is there. */
async function converse(member: Member, room: string): Promise<void> {
  const answers: string[] = [];
  for (let turn = 1; turn <= TURNS; turn++) {
    const words = `${member.bot}, ${room}: ${turn}번째 말 👋`;
    member.say(room, `# echo ${words}`);
    answers.push(`에코: ${words}`);
    await member.until(room, answers);
  }
}

test("phones of every dialect, on either gateway, hold conversations in several rooms at once", async () => {
  await everyDialect("하나", () => 0);
  await everyDialect("둘", () => 1);
  await Promise.all(members.flatMap((member) => ROOMS.map((room) => converse(member, room))));
  for (const { bot } of members) {
    const total = ROOMS.length * TURNS;
    await vi.waitFor(async () => expect(new Set(await rowsOf(bot, false)).size).toBe(total), patience);
    await vi.waitFor(async () => expect(new Set(await rowsOf(bot, true)).size).toBe(total), patience);
    expect([...(await rowsOf(bot, false)), ...(await rowsOf(bot, true))]).toHaveLength(2 * total);
  }
});

test("of a bot's connections on both gateways exactly one shows each answer: the first, and when it leaves another", async () => {
  const said: string[] = [];
  const room = ROOMS[0] as string;
  const roles = async () => ({ standby: await connections("standby"), writer: await connections("writer") });
  for (const [count, gateway] of [0, 1, 0].entries()) {
    await new Member("LOA.i", "v333", gateway).connect();
    await vi.waitFor(async () => expect(await roles()).toEqual({ standby: count, writer: 1 }), patience);
    const lines = members.flatMap((_, speaker) => [1, 2, 3].map((n) => `${count} ${speaker} ${n}`));
    for (const line of lines) members[Number(line.split(" ")[1])]?.say(room, `# echo ${line}`);
    said.push(...lines.map((line) => `에코: ${line}`));
    await vi.waitFor(() => expect(members[0]?.in(room)).toHaveLength(said.length), patience);
  }
  const [first, ...others] = members as [Member, ...Member[]];
  expect(first.in(room).toSorted()).toEqual(said.toSorted());
  expect(others.flatMap((member) => member.in(room))).toEqual([]);
  await trimmed();
  await first.phone.close();
  await vi.waitFor(async () => expect(await roles()).toEqual({ standby: 1, writer: 1 }), patience);
  others[0]?.say(room, "# echo 남은 둘");
  const left = () => others.flatMap((member) => member.in(room));
  await vi.waitFor(() => expect(left()).not.toEqual([]), patience);
  await trimmed();
  expect(left()).toEqual(["에코: 남은 둘"]);
});

test("65,000 characters of Korean come back whole and are on record, and long answers come in order", async () => {
  await everyDialect("긴 글", (i) => i % 2);
  const words = "가나다라마바사아자차카타파하 ".repeat(5_000);
  const long = words.slice(0, 65_000 - "# echo ".length - 1).concat("끝");
  const longer = words.slice(0, 60_000).concat("끝");
  const numbered = [1, 2, 3, 4, 5].map((n) => `[${n}/5] 에코: ${longer}`);
  const room = ROOMS[0] as string;
  await Promise.all(
    members.map(async (member) => {
      member.say(room, `# echo ${long}`);
      await member.until(room, [`에코: ${long}`]);
      member.say(room, `# echo --repeat=5 ${longer}`);
      await member.until(room, [`에코: ${long}`, ...numbered]);
      await vi.waitFor(async () => expect(await rowsOf(member.bot, true)).toHaveLength(6), patience);
      expect((await rowsOf(member.bot, false))[0]).toBe(`# echo ${long}`);
      expect((await rowsOf(member.bot, true))[0]).toBe(`에코: ${long}`);
    }),
  );
});

test("S-CONN-08 a device that dials again and again on either gateway is answered on its newest connection, however its old ones end", async () => {
  const { failed, ...figures } = await runTakeovers(world.stack, { interleavings: 60, seed: 1 });
  process.stderr.write(`${JSON.stringify(figures)}\n`);
  expect(failed).toEqual([]);
});

const linesWithoutText = () => metricOf(world.stack.gateways, "moa_frame_errors_total", 'reason="missing_text"');

test("S-PROT-02 a text of any characters is answered and on record as it was said, an empty one is no line and a blank one is talk", async () => {
  const nasty = [
    '}{"}',
    "\"'\\n\\",
    "a\r\nb\nc",
    "a\u2028b\u2029c",
    "🎉👨‍👩‍👧",
    "한글".normalize("NFD"),
    "a\ud800b",
    "a\u0000\u0001b",
  ];
  const long = (chars: number) => "가".repeat(chars - "# echo ".length);
  const prompts = [...nasty, long(65_000), long(65_001)];
  const before = await linesWithoutText();
  const speakWith = async (name: DialectName, gateway: number) => {
    const raw = await rawOf(name, gateway);
    for (const text of ["", "   ", ...prompts.map((prompt) => `# echo ${prompt}`)]) raw.say(text);
    // UTF-8 has no half of a pair; an escape of JSON has.
    const kept = (text: string) => (phoneDialects[name].chat === "analyze" ? text : text.toWellFormed());
    await raw.hears(prompts.map((prompt) => `에코: ${kept(prompt)}`));
    const rows = ["   ", ...prompts.map((prompt) => `# echo ${prompt.toWellFormed()}`)];
    await vi.waitFor(async () => expect(await rowsOf(raw.bot, false)).toHaveLength(rows.length), patience);
    expect(await rowsOf(raw.bot, false)).toEqual(rows);
  };
  await Promise.all(DIALECT_NAMES.map((name, i) => speakWith(name, i % 2)));
  expect(await linesWithoutText()).toBe(before + DIALECT_NAMES.length);
});

test("S-PROT-03 a line whose RAW is no base64 is its RAW, with spaces or without padding it is read, and without RAW it is none", async () => {
  const before = await linesWithoutText();
  const phone = await rawOf("v333");
  for (const raw of ["# echo 안녕 plain", "IyBlY2hv IOyViOuFlQ \t", "# echo ****", ""]) phone.say("x", { raw });
  phone.say("x", { raw: "# echo no encoding", data: { content_encoding: undefined } });
  await phone.hears(["에코: 안녕 plain", "에코: 안녕", "에코: ****", "에코: no encoding"]);
  expect(await linesWithoutText()).toBe(before + 1);
});

test("S-PROT-04 a line is read whatever its positions say", async () => {
  const phone = await rawOf("v333");
  const odd = [undefined, null, "x", {}, [], [0], [0, 0], [-5, -1], [9, 2, 4, 3], [0, 1e99], ["a", null], 7];
  for (const [i, message_positions] of odd.entries()) phone.say(`# echo ${i}`, { data: { message_positions } });
  await phone.hears(odd.map((_, i) => `에코: ${i}`));
});

test("S-PROT-07 a line means the same in snake_case, in camelCase, in the mixture of 3.3.0+ and as analyze", async () => {
  const raw = await rawOf("v333");
  const timestamp = "2025-07-21T12:12:11.000Z";
  const mixed = { timestamp, log_id: undefined, user_hash: undefined, is_mention: undefined, userHash: "u1" };
  const camel = { ...mixed, channel_id: undefined, channelId: "18445682959392711", is_group_chat: undefined };
  raw.say("# turn", { data: { timestamp, is_mention: true } });
  raw.say("# turn", { data: { ...camel, logId: "camel", isMention: true, isGroupChat: true } });
  raw.say("# turn", { data: { ...mixed, logId: "mixed", isMention: true } });
  const analyze = { ...camel, logId: "analyze", isMention: true, isGroupChat: true, room: "가족방", sender: "홍길동" };
  raw.phone.send({ event: "analyze", data: { ...analyze, text: "# turn" } });
  await raw.phone.until(() => raw.heard.length === 4, "every answer");
  const contexts = raw.heard.map((text) => {
    const { event, nowMs, ...rest } = JSON.parse(text);
    const { id, logId, receivedAt, ...same } = event;
    expect([id, logId, receivedAt]).toEqual([expect.any(String), expect.any(String), nowMs]);
    return { ...same, ...rest };
  });
  const said = { channel: "18445682959392711", userHash: "u1", sender: "홍길동", isMention: true, isGroupChat: true };
  expect(contexts[0]).toMatchObject({ ...said, clientAt: Date.parse(timestamp) });
  expect(contexts.slice(1)).toEqual([contexts[0], contexts[0], contexts[0]]);
});

test("S-PROT-09 of a frame of many pictures a phone of any dialect recovers every one, whole and in order", async () => {
  const base64 = Array.from({ length: 30 }, (_, i) =>
    Buffer.from(`picture ${i} `.repeat(i * 4 + 1)).toString("base64"),
  );
  const urls = ["https://a.example/사진}.jpg", "https://a.example/🎉|.jpg", "https://a.example/c.jpg"];
  await everyDialect("사진", (i) => i % 2);
  const room = ROOMS[0] as string;
  for (const member of members) member.say(room, `# album ${[...base64, ...urls].join(" ")}`);
  const items = [...base64, ...urls].map((item) => item.replace("}", "%7D").replace("|", "%7C"));
  await Promise.all(
    members.map(async (member) => {
      await vi.waitFor(() => expect(member.in(room).join(" ").split(" ")).toEqual(items), patience);
    }),
  );
  // Of 3.3 all in one frame, whose offsets are UTF-16's; of the others a frame for each form.
  const frames = members.map((member) => member.in(room).length);
  expect(frames).toEqual(DIALECT_NAMES.map((name) => (phoneDialects[name].chat === "message" ? 1 : 2)));
});

test("phones that come back after their gateway was killed say what they had queued, in order, each once", async () => {
  await everyDialect("다시", () => 0);
  const gateway = world.stack.gateways[0]?.child;
  const room = ROOMS[0] as string;
  for (const member of members) member.say(room, "# echo 전");
  await Promise.all(members.map((member) => member.until(room, ["에코: 전"])));
  await trimmed();
  const cut = members.map(({ phone }) => once(phone.events, "closed"));
  await gateway?.kill();
  await Promise.all(cut);
  // A flush takes ten frames, and with some dialects the handshake is the last of them.
  const queued = Array.from({ length: 9 }, (_, i) => `줄 선 말 ${i}`);
  for (const member of members) for (const words of queued) member.say(room, `# echo ${words}`);
  await gateway?.start();
  const answers = ["에코: 전", ...queued.map((words) => `에코: ${words}`)];
  await Promise.all(members.map((member) => member.until(room, answers)));
  for (const member of members) member.say(room, "# echo 후");
  await Promise.all(members.map((member) => member.until(room, [...answers, "에코: 후"])));
});
