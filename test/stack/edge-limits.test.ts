/** What a peer may say, and how much, seen at a real gateway process: scenarios S-CONN and S-PROT. */
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { limits } from "#common/contract/limits.ts";
import type { Pod } from "#scripts/stack/pod.ts";
import { logLinesOf } from "#test/fixtures/log-lines.ts";
import { freshBot, patience, RawPhone } from "#test/fixtures/raw-phone.ts";
import { stackOfFile } from "#test/fixtures/stack.ts";
import { memoryOf, metricOf } from "./site.ts";

const MIB = 1024 * 1024;

let world: Awaited<ReturnType<typeof stackOfFile>>;
let gateway: Pod;
let port: number;

beforeAll(async () => {
  world = await stackOfFile();
  [gateway] = world.stack.gateways as [Pod];
  port = gateway.ports.bridge as number;
});
afterAll(() => world?.remove());

const metric = (name: string, label = "", pod = gateway) => metricOf([pod], name, label);
const closedAs = (reason: string) => metric("moa_connections_closed_total", `reason="${reason}"`);

async function untilClosedAs(reason: string, count: number): Promise<void> {
  await vi.waitFor(async () => expect(await closedAs(reason)).toBe(count), patience);
}

/** Echoes, so that the pod is well and this phone is its writer. */
async function answered(phone: RawPhone, text = "still here"): Promise<void> {
  const before = phone.shown.length;
  phone.say(`# echo ${text}`);
  await phone.until(() => phone.shown.length > before, "the answer");
  expect(phone.shown.at(-1)).toBe(`에코: ${text}`);
}

/** A line of chat of exactly so many bytes without its end. */
function lineOf(bytes: number): string {
  const line = (text: string) =>
    JSON.stringify({ event: "analyze", data: { room: "r", channelId: "1", text, logId: `long-${bytes}` } });
  return line("x".repeat(bytes - line("").length));
}

describe("a connection that says too little", () => {
  test("S-CONN-01 S-CONN-02 nothing, or a byte a second, is closed after ten seconds and leaves nothing behind", async () => {
    const before = await closedAs("handshake_timeout");
    const from = performance.now();
    const [silent, slow] = [await RawPhone.dial(port), await RawPhone.dial(port)];
    const drip = setInterval(() => slow.send("{"), 1_000);
    onTestFinished(() => clearInterval(drip));
    for (const phone of [silent, slow]) await phone.until(() => phone.isClosed, "its end");
    const tookMs = performance.now() - from;
    expect(tookMs).toBeGreaterThan(limits.handshakeMsMax - 1_000);
    expect(tookMs).toBeLessThan(limits.handshakeMsMax + 2_000);
    await untilClosedAs("handshake_timeout", before + 2);
    await vi.waitFor(async () => expect(await metric("moa_connections", 'role="handshaking"')).toBe(0), patience);
    expect(await metric("moa_held_bytes")).toBe(0);
  });
});

describe("a handshake", () => {
  const fields = (bot: string) => ({ botName: bot, version: "3.2.1", deviceID: `기기 of ${bot}` });

  test.each([
    [
      "byte by byte, through its multi-byte letters",
      (line: string) => [...Buffer.from(`${line}\n`)].map((byte) => Buffer.from([byte])),
    ],
    ["in one segment with a line of chat", (line: string) => [Buffer.from(`${line}\n${lineOf(200)}\n`)]],
    ["with CRLF, among empty lines", (line: string) => [Buffer.from(`\r\n\n${line}\r\n\r\n`)]],
  ])("S-CONN-03 %s is the same", async (_, piecesOf) => {
    const phone = await RawPhone.dial(port);
    for (const piece of piecesOf(JSON.stringify(fields(freshBot())))) {
      await new Promise((written) => phone.socket.write(piece, written));
    }
    await phone.until(() => phone.frames.some(({ event }) => event === "handshakeComplete"), "its answer");
    await answered(phone);
  });

  test.each([
    ["three fields", (bot: string) => fields(bot)],
    ["deviceId", (bot: string) => ({ ...fields(bot), deviceID: undefined, deviceId: "d" })],
    [
      "six fields",
      (bot: string) => ({ clientType: "MessengerBotR", ...fields(bot), deviceIP: "1.2.3.4", deviceInfo: "x" }),
    ],
    ["an event", (bot: string) => ({ event: "handshake", data: { ...fields(bot), clientType: "MessengerBotR" } })],
  ])("S-CONN-05 of the shape %s is answered", async (_, shape) => {
    const phone = await RawPhone.dial(port);
    phone.send(shape(freshBot()));
    await phone.until(() => phone.frames.some(({ event }) => event === "handshakeComplete"), "its answer");
  });

  test.each(["botName", "version", "deviceID"])(
    "S-CONN-05 without a usable %s is closed with that reason",
    async (field) => {
      const values = [undefined, "", "  ", 7, null, {}, [], "x".repeat(limits.fieldCharsMax + 1), "a\u0000b"];
      const before = await closedAs("handshake_invalid");
      for (const value of values) {
        const phone = await RawPhone.dial(port);
        phone.send({ ...fields(freshBot()), [field]: value });
        await phone.until(() => phone.isClosed, `its end with ${JSON.stringify(value)?.slice(0, 20)}`);
        expect(phone.frames).toEqual([]);
      }
      await untilClosedAs("handshake_invalid", before + values.length);
    },
  );
});

describe("an identity", () => {
  const handshake = (bot: string) => ({ botName: bot, version: "3.2.1", deviceID: `device of ${bot}` });
  const welcomes = (phone: RawPhone) => phone.frames.filter(({ event }) => event === "handshakeComplete").length;

  test.each([1, 9, 10, limits.framesBeforeHandshakeMax])(
    "S-CONN-06 that comes after %i lines has them all answered, in each room's order",
    async (count) => {
      const phone = (await RawPhone.dial(port)).echoPings();
      const lines = Array.from({ length: count }, (_, i) => ({ channelId: `${i % 2}`, text: `early ${i}` }));
      for (const { channelId, text } of lines) phone.say(`# echo ${text}`, { channelId });
      phone.send(handshake(freshBot()));
      await phone.until(() => phone.shown.length === count, "every answer");
      for (const room of ["0", "1"]) {
        const shown = phone.answers.filter(({ data }) => data.channel_id === room).map(({ data }) => data.text);
        expect(shown).toEqual(lines.filter(({ channelId }) => channelId === room).map(({ text }) => `에코: ${text}`));
      }
    },
  );

  test("S-CONN-06 that does not come within the lines that may wait is waited for no longer", async () => {
    const before = await closedAs("frames_before_handshake");
    const phone = await RawPhone.dial(port);
    for (let i = 0; i <= limits.framesBeforeHandshakeMax; i++) phone.say(`# echo ${i}`);
    await phone.until(() => phone.isClosed, "its end");
    await untilClosedAs("frames_before_handshake", before + 1);
  });

  test("S-CONN-07 said again in mid-session is answered, another one is refused, and who it is stays", async () => {
    const [bot, another] = [freshBot(), freshBot()];
    const phone = await RawPhone.dial(port);
    phone.send(handshake(bot));
    await answered(phone);
    phone.send(handshake(bot));
    await phone.until(() => welcomes(phone) === 2, "the second answer");
    phone.send(handshake(another));
    await answered(phone);
    expect(welcomes(phone)).toBe(2);
    await vi.waitFor(() => {
      const logged = logLinesOf(world.dir, "gateway-1").find(({ refusedBot }) => refusedBot === another);
      expect(logged).toMatchObject({ bot, msg: "a second identity was refused" });
    }, patience);
  });
});

describe("a line", () => {
  test.each([limits.frameBytesMax - 1, limits.frameBytesMax])("S-CONN-04 of %i bytes is taken", async (bytes) => {
    const phone = await RawPhone.identified(port);
    const received = await metric("moa_messages_received_total", 'kind="chat"');
    phone.send(`${lineOf(bytes)}\n`);
    await answered(phone);
    expect(await metric("moa_messages_received_total", 'kind="chat"')).toBe(received + 2);
    expect(phone.isClosed).toBe(false);
  });

  test("S-CONN-04 of one byte more, or 100 MB without an end, is closed at the limit and costs no memory", async () => {
    const before = await closedAs("frame_too_large");
    const larger = await RawPhone.identified(port);
    larger.send(`${lineOf(limits.frameBytesMax + 1)}\n`);
    await larger.until(() => larger.isClosed, "its end");
    const memory = memoryOf(gateway);
    const endless = await RawPhone.identified(port);
    const chunk = Buffer.alloc(MIB, "x");
    for (let i = 0; i < 100 && !endless.isClosed; i++) {
      await new Promise((written) => endless.socket.write(chunk, written));
    }
    await endless.until(() => endless.isClosed, "its end");
    await untilClosedAs("frame_too_large", before + 2);
    expect(memoryOf(gateway) - memory).toBeLessThan(64);
  });

  test("S-PROT-05 that cannot be used is counted by its fault, and the connection goes on", async () => {
    const phone = await RawPhone.identified(port);
    const deep = (open: string, close: string) => `${open.repeat(10_000)}1${close.repeat(10_000)}`;
    const faults: readonly [reason: string, line: string][] = [
      ["unknown_event", '{"event":"nothing","data":{}}'],
      ["no_data", '{"event":"analyze"}'],
      ["no_data", '{"event":"analyze","data":null}'],
      ["no_data", '{"event":"message","data":[1]}'],
      ["no_data", '{"event":"ping","data":"x"}'],
      ["no_data", `{"event":"analyze","data":${deep("[", "]")}}`],
      ["missing_channel", `{"event":"analyze","data":${deep('{"a":', "}")}}`],
      [
        "missing_text",
        '{"event":"analyze","data":{"__proto__":{"text":"# echo 1"},"constructor":{"text":"x"},"room":"r","channelId":"1"}}',
      ],
      ["unknown_event", '{"__proto__":{"event":"analyze"},"constructor":{"prototype":{"event":"analyze"}}}'],
      ["not_json", "{bad}"],
      ["not_json", '"}"'],
    ];
    const counts = () =>
      Promise.all(
        [...new Set(faults.map(([reason]) => reason))]
          .sort()
          .map(async (reason) => [reason, await metric("moa_frame_errors_total", `reason="${reason}"`)] as const),
      );
    const before = await counts();
    for (const [, line] of faults) phone.send(`${line}\n`);
    phone.socket.write(Buffer.from([0x7b, 0xff, 0xfe, 0x7d, 0x0a]));
    phone.send(
      '{"event":"analyze","data":{"room":"a","room":"테스트방","channelId":"1","text":"x","text":"# echo last"}}\n',
    );
    await phone.until(() => phone.shown.length > 0, "the answer to the last of two equal keys");
    expect(phone.shown).toEqual(["에코: last"]);
    const expected = before.map(([reason, count]) => [reason, count + faults.filter(([one]) => one === reason).length]);
    expect(await counts()).toEqual(expected);
    await answered(phone);
  });

  test("S-PROT-06 keeps every digit of its 64-bit ids, as strings and as numbers", async () => {
    const phone = await RawPhone.identified(port);
    const ids = ["9223372036854775807", "18446744073709551615", "18446369739418675"];
    for (const [i, id] of ids.entries()) {
      phone.send(`{"event":"analyze","data":{"room":"r","channelId":${id},"logId":${id},"text":"# echo n${i}"}}\n`);
      phone.send(
        `{"event":"analyze","data":{"room":"r","channelId":"${id}","logId":"${i}${id}","text":"# echo s${i}"}}\n`,
      );
    }
    await phone.until(() => phone.shown.length === 2 * ids.length, "every answer");
    const channels = phone.answers.map(({ data }) => data.channel_id);
    expect(channels.toSorted()).toEqual([...ids, ...ids].toSorted());
  });
});

describe("a peer that sends too much", () => {
  test("of what is no chat is read no more and closed as a flood, and its neighbour hears nothing of it", async () => {
    const before = await closedAs("flood");
    const [neighbour, known, stranger] = [
      await RawPhone.identified(port),
      await RawPhone.identified(port),
      await RawPhone.dial(port),
    ];
    const frames = (limits.otherFramesPerSecondMax * limits.otherFramesBurstMs) / 1_000;
    known.send("garbage\n".repeat(frames * 2));
    stranger.send("garbage\n".repeat(frames));
    await answered(neighbour);
    const errors = await metric("moa_frame_errors_total");
    for (const phone of [known, stranger]) phone.send("garbage\n".repeat(frames));
    for (const phone of [known, stranger]) await phone.until(() => phone.isClosed, "its end");
    await untilClosedAs("flood", before + 2);
    expect(await metric("moa_frame_errors_total")).toBe(errors);
  });

  test("in bursts below the rate is heard out", async () => {
    const phone = await RawPhone.identified(port);
    phone.send(`${JSON.stringify({ event: "pong", data: {} })}\n`.repeat(limits.otherFramesPerSecondMax * 2));
    phone.send("garbage\n".repeat((limits.otherFramesPerSecondMax * 2) / limits.junkFrameWeight));
    await answered(phone);
  });

  test("before its handshake is closed when it holds more than a line may have", async () => {
    const before = await closedAs("frames_before_handshake");
    const phone = await RawPhone.dial(port);
    phone.send(`${lineOf(400_000)}\n`.repeat(3));
    await phone.until(() => phone.isClosed, "its end");
    await untilClosedAs("frames_before_handshake", before + 1);
  });
});
