/** Rows of docs/acceptance.md that a phone sees: two gateways, two workers, exact lines in and out. */
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { DIALECT_NAMES } from "#scripts/phone/dialects.ts";
import { Phone } from "#scripts/phone/phone.ts";
import type { Pod } from "#scripts/stack/pod.ts";
import { logLinesOf } from "#test/fixtures/log-lines.ts";
import { type Frame, freshBot, patience, RawPhone } from "#test/fixtures/raw-phone.ts";
import { stackOfFile } from "#test/fixtures/stack.ts";
import { memoryOf, metricOf } from "./site.ts";

let world: Awaited<ReturnType<typeof stackOfFile>>;
let gateways: readonly [Pod, Pod];
let port: number;
let otherPort: number;

beforeAll(async () => {
  const workerMain = `${import.meta.dirname}/../fixtures/odd-worker.ts`;
  world = await stackOfFile({ gateways: 2, workers: 2, workerMain });
  gateways = world.stack.gateways as unknown as [Pod, Pod];
  [port, otherPort] = gateways.map(({ ports }) => ports.bridge) as [number, number];
});
afterAll(() => world?.remove());

const connections = (role = "") => metricOf(gateways, "moa_connections", role && `role="${role}"`);

async function untilConnections(role: string, count: number): Promise<void> {
  await vi.waitFor(async () => expect(await connections(role)).toBe(count), patience);
}

/** How often a connection of the bot became its writer, on either gateway. */
async function untilWriters(bot: string, count: number): Promise<void> {
  const isWriter = (line: Readonly<Record<string, unknown>>) => line.msg === "writer.taken" && line.bot === bot;
  const lines = () => gateways.flatMap(({ child }) => logLinesOf(world.dir, child.name).filter(isWriter));
  await vi.waitFor(() => expect(lines()).toHaveLength(count), patience);
}

/** What the first gateway logged since the test began. */
function logOfGateway() {
  const from = logLinesOf(world.dir, "gateway-1").length;
  return () => logLinesOf(world.dir, "gateway-1").slice(from);
}

async function isLogged(log: ReturnType<typeof logOfGateway>, told: object): Promise<void> {
  await vi.waitFor(() => expect(log()).toContainEqual(expect.objectContaining(told)), patience);
}

describe("answers", () => {
  test.each(["LOA.i", "kkobot"])("D-13 D-15 D-33 echo answers %s with exactly room, text and channel", async (bot) => {
    const phone = await RawPhone.identified(port, bot);
    phone.say("# echo 안녕하세요");
    await phone.until(() => phone.shown.length > 0, "the answer");
    expect(phone.answers).toEqual([
      { event: "messageResponse", data: { room: "테스트방", text: "에코: 안녕하세요", channel_id: "1001" } },
    ]);
  });

  test("D-14 echo without content answers its usage", async () => {
    const phone = await RawPhone.identified(port);
    phone.say("# echo");
    await phone.until(() => phone.shown.length > 0, "the answer");
    expect(phone.shown).toEqual(["사용법: # echo {내용}"]);
  });

  test("D-15 L-17 a room's id keeps every digit, as a string and as a number", async () => {
    const phone = await RawPhone.identified(port);
    phone.say("# echo string", { channelId: "18446369739418675" });
    const asNumber = `{"event":"analyze","data":{"room":"수","channelId":18446369739418675,"text":"# echo number","logId":"n1"}}`;
    phone.send(`${asNumber}\n`);
    await phone.until(() => phone.shown.length === 2, "two answers");
    expect(phone.answers.map(({ data }) => data.channel_id)).toEqual(["18446369739418675", "18446369739418675"]);
  });

  test("D-05 each of 500 sockets gets its own echo and no other", async () => {
    const bots = Array.from({ length: 500 }, (_, i) => `bot-${i}`);
    const phones = await Promise.all(bots.map((bot, i) => RawPhone.identified(i % 2 ? port : otherPort, bot)));
    for (const [i, phone] of phones.entries()) phone.say(`# echo ${i}`);
    await vi.waitFor(() => expect(phones.every(({ shown }) => shown.length > 0)).toBe(true), patience);
    expect(phones.map(({ shown }) => shown)).toEqual(phones.map((_, i) => [`에코: ${i}`]));
  });

  test("L-10 each answer goes to the room that asked", async () => {
    const phone = (await RawPhone.identified(port)).echoPings();
    const rooms = Array.from({ length: 20 }, (_, i) => ({ room: `방 ${i}`, channelId: `${7_000 + i}` }));
    for (const { room, channelId } of rooms) phone.say(`# echo to ${room}`, { room, channelId });
    await phone.until(() => phone.shown.length === rooms.length, "an answer for each room");
    const told = phone.answers.map(({ data }) => data).toSorted((a, b) => Number(a.channel_id) - Number(b.channel_id));
    const due = rooms.map(({ room, channelId }) => ({ room, channel_id: channelId, text: `에코: to ${room}` }));
    expect(told).toEqual(due);
  });

  test("D-34 X-03 phones of every dialect hold a conversation at once", async () => {
    const talks = DIALECT_NAMES.flatMap((dialect) => [1, 2, 3].map((i) => ({ dialect, i })));
    const shown = talks.map(({ dialect, i }) => {
      const bot = `${dialect}-${i}`;
      const phone = new Phone({ host: "127.0.0.1", port: i % 2 ? port : otherPort, bot, device: bot, dialect });
      const texts: unknown[] = [];
      phone.events.on("shown", ({ text }) => texts.push(text));
      onTestFinished(() => phone.close());
      phone.connect();
      const from = { room: "모두", channel: "1", sender: "홍길동", userHash: "u1" };
      for (const n of [1, 2, 3]) phone.say({ ...from, text: `# echo ${bot} ${n} 👋` });
      return texts;
    });
    const due = talks.map(({ dialect, i }) => [1, 2, 3].map((n) => `에코: ${dialect}-${i} ${n} 👋`));
    await vi.waitFor(() => expect(shown).toEqual(due), patience);
  });
});

describe("pings", () => {
  test.each([
    ["ping", "2.9.0c"],
    ["pong", "3.3.3"],
  ])("D-34 our ping is measured by the %s of a %s client", async (event, version) => {
    await untilConnections("", 0);
    const measured = () => metricOf(gateways, "moa_heartbeat_rtt_seconds_count");
    const before = await measured();
    // Many, because a first ping comes after a random part of its period.
    const phones = await Promise.all(
      Array.from({ length: 40 }, async () => {
        const phone = await RawPhone.dial(port);
        const identity = { botName: freshBot(), version, deviceID: "d" };
        phone.send(event === "ping" ? identity : { event: "handshake", data: identity });
        return phone;
      }),
    );
    const pingsOf = (phone: RawPhone) => phone.frames.filter((frame) => frame.event === "ping");
    await vi.waitFor(() => expect(phones.some((phone) => pingsOf(phone).length > 0)).toBe(true), patience);
    const pinged = phones.find((phone) => pingsOf(phone).length > 0) as RawPhone;
    const { server_timestamp } = (pingsOf(pinged)[0] as Frame).data;
    pinged.send({ event, data: { server_timestamp } });
    await vi.waitFor(async () => expect(await measured()).toBe(before + 1), patience);
  });
});

describe("lines that cannot be used", () => {
  test("D-21 after broken JSON the connection stays and the next line is answered", async () => {
    const log = logOfGateway();
    const phone = await RawPhone.identified(port);
    phone.send("{bad\n");
    phone.say("# echo valid");
    await phone.until(() => phone.shown.length > 0, "the answer");
    await isLogged(log, { level: "error", tag: "MSG", fault: "not_json" });
    expect(phone.shown).toEqual(["에코: valid"]);
  });

  test("D-22 an unknown event is warned of, not answered, and the connection stays", async () => {
    const log = logOfGateway();
    const phone = await RawPhone.identified(port);
    phone.send({ event: "x", data: {} });
    phone.say("# echo after");
    await phone.until(() => phone.shown.length > 0, "the answer");
    await isLogged(log, { level: "warn", tag: "MSG", fault: "unknown_event" });
    const told = phone.frames.map(({ event }) => event).filter((event) => event !== "ping");
    expect(told).toEqual(["handshakeComplete", "messageResponse"]);
  });

  test("D-08 L-13 a handshake without bot is closed, with a warning that names the field", async () => {
    const log = logOfGateway();
    const phone = await RawPhone.dial(port);
    phone.send({ version: "2.9.0c", deviceId: "dev-1" });
    await phone.until(() => phone.isClosed, "the end of the connection");
    expect(phone.frames).toEqual([]);
    await isLogged(log, { fault: "handshake_invalid", detail: "botName" });
    await isLogged(log, { level: "warn", tag: "CLIENT", reason: "handshake_invalid" });
  });

  test.each([
    ["channelId", "missing_channel", "channel_id"],
    ["room", "missing_room", "room"],
  ])("L-02 L-13 a line without %s is dropped as %s, and the next one is answered", async (field, fault, detail) => {
    const log = logOfGateway();
    const count = () => metricOf(gateways, "moa_frame_errors_total", `reason="${fault}"`);
    const before = await count();
    const phone = await RawPhone.identified(port);
    phone.say("# echo dropped", { [field]: undefined });
    phone.say("# echo after");
    await phone.until(() => phone.shown.length > 0, "the answer");
    expect(phone.shown).toEqual(["에코: after"]);
    await isLogged(log, { tag: "MSG", fault, detail });
    expect((await count()) - before).toBe(1);
  });

  test("D-60 a line over the limit closes its connection, with the reason, and costs no memory", async () => {
    const log = logOfGateway();
    const phones = await Promise.all(Array.from({ length: 30 }, (_, i) => RawPhone.identified(port, `long-${i}`)));
    const before = memoryOf(gateways[0]);
    const line = Buffer.alloc(4 * 1024 * 1024, "a");
    for (const { socket } of phones) socket.write(line);
    let most = before;
    await vi.waitFor(() => {
      most = Math.max(most, memoryOf(gateways[0]));
      expect(phones.every(({ isClosed }) => isClosed)).toBe(true);
    }, patience);
    const closed = expect.objectContaining({ level: "warn", tag: "CLIENT", reason: "frame_too_large" });
    const told = () => log().filter((one) => closed.asymmetricMatch(one));
    await vi.waitFor(() => expect(told()).toHaveLength(phones.length), patience);
    expect(most - before).toBeLessThan(64);
  });

  test("D-60 an answer longer than a phone shows comes in parts, in order", async () => {
    const phone = await RawPhone.identified(port);
    const text = "가나다라마바사아자차".repeat(10_000);
    phone.say(`# echo ${text}`);
    await phone.until(() => phone.shown.length === 2, "two parts");
    expect(phone.shown.map((part) => String(part).length)).toEqual([65_000, 35_004]);
    expect(phone.shown.join("")).toBe(`에코: ${text}`);
  });
});

describe("what a command is given", () => {
  async function ask(line: string, more = {}) {
    const phone = await RawPhone.identified(port);
    phone.say(line, more);
    await phone.until(() => phone.shown.length > 0, "the answer");
    return String(phone.shown[0]);
  }

  test("L-14 what a phone left out has its default", async () => {
    const left = { sender: undefined, userHash: undefined, isGroupChat: undefined, isMention: undefined };
    const { event, parameters } = JSON.parse(await ask("# turn", left));
    expect(event).toMatchObject({ channel: "1001", room: "테스트방" });
    expect(event).toMatchObject({ sender: "", userHash: "", isGroupChat: false, isMention: false });
    // Said at the handshake, not with the line.
    expect(event).toMatchObject({ clientVersion: "2.9.0c" });
    expect(parameters).toEqual({ word: "preset" });
  });

  test.each(["turn", "event", "parameters"])(
    "L-16 writing to its %s fails, and the next turn is whole",
    async (part) => {
      expect(await ask(`# spoil ${part}`)).toMatch(/오류가 발생/);
      const next = JSON.parse(await ask("# turn of its own"));
      expect(next).toMatchObject({ prompt: "of its own", event: { room: "테스트방" }, parameters: { word: "preset" } });
    },
  );
});

describe("one bot is one client", () => {
  test("D-08 both spellings of the device are one device: its new connection replaces the old one", async () => {
    const bot = freshBot();
    const old = await RawPhone.dial(port);
    old.send({ botName: bot, version: "2.9.0c", deviceId: "dev-1" });
    await old.until(() => old.frames.length > 0, "the handshake's answer");
    const fresh = await RawPhone.dial(port);
    fresh.send({ botName: bot, version: "3.1.4", deviceID: "dev-1" });
    await old.until(() => old.isClosed, "the end of the old connection");
    fresh.say("# echo here");
    await fresh.until(() => fresh.shown.length > 0, "the answer");
  });

  test("D-06 a socket killed within a line is gone within two seconds, and its phone comes back at once", async () => {
    await untilConnections("", 0);
    const phone = await RawPhone.identified(port);
    expect(await connections()).toBe(1);
    phone.send('{"event":"analyze","data":{"room":"테스');
    phone.socket.resetAndDestroy();
    await vi.waitFor(async () => expect(await connections()).toBe(0), { timeout: 2_000, interval: 20 });
    const again = await RawPhone.identified(port);
    again.say("# echo again");
    await again.until(() => again.shown.length > 0, "the answer");
  });

  test("L-19 the connections that the gateways count are the sockets that are open", async () => {
    await untilConnections("", 0);
    await RawPhone.dial(port);
    const first = await RawPhone.identified(port, "a", "1");
    await RawPhone.identified(otherPort, "a", "2");
    await RawPhone.identified(otherPort, "b", "1");
    await untilConnections("writer", 2);
    expect([await connections("handshaking"), await connections("standby"), await connections()]).toEqual([1, 1, 4]);
    first.socket.destroy();
    await untilConnections("", 3);
  });

  test("L-18 the answer reaches the socket that another gateway holds", async () => {
    const bot = freshBot();
    const writer = (await RawPhone.identified(otherPort, bot, "2")).echoPings();
    await untilWriters(bot, 1);
    const asking = (await RawPhone.identified(port, bot, "1")).echoPings();
    asking.say("# echo across");
    await writer.until(() => writer.shown.length > 0, "the answer");
    expect([asking.shown, writer.shown]).toEqual([[], ["에코: across"]]);
  });

  test("L-20 L-24 of three sockets one shows every answer, each once", async () => {
    const bot = freshBot();
    const writer = (await RawPhone.identified(otherPort, bot, "1")).echoPings();
    await untilWriters(bot, 1);
    const others: RawPhone[] = [];
    for (const device of ["2", "3"]) others.push((await RawPhone.identified(port, bot, device)).echoPings());
    const lines = Array.from({ length: 100 }, (_, n) => `${n}`);
    for (const [n, line] of lines.entries()) others[n % 2]?.say(`# echo ${line}`, { channelId: `${n % 2}` });
    await writer.until(() => writer.shown.length >= lines.length, "an answer for each line");
    writer.say("# echo last");
    await writer.until(() => writer.shown.at(-1) === "에코: last", "the last answer");
    expect(writer.shown.toSorted()).toEqual([...lines, "last"].map((line) => `에코: ${line}`).toSorted());
    expect(others.map(({ shown }) => shown)).toEqual([[], []]);
  });
});
