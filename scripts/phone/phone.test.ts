import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { systemClock } from "#common/backends/system/clock.ts";
import type { Clock } from "#common/kernel/clock.ts";
import { bridge } from "#gateway/platforms/bridge/index.ts";
import type { Decoded } from "#gateway/platforms/platform.ts";
import { freePort } from "../stack/free-port.ts";
import { DIALECT_NAMES, type DialectName, phoneDialects } from "./dialects.ts";
import { OfflineQueue } from "./offline-queue.ts";
import { Phone } from "./phone.ts";
import { hear } from "./reading.ts";
import { sign } from "./signature.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Peer {
  readonly port: number;
  /** The next connection, from the first on. */
  next(): Promise<{ socket: Socket; lines: string[]; seen(count: number): Promise<string[]> }>;
}

async function listen(port = 0): Promise<Peer> {
  const server = createServer();
  const sockets: Socket[] = [];
  server.on("connection", (socket) => sockets.push(socket.on("error", () => {})));
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  closing.push(() => new Promise((resolve) => server.close(resolve)));
  let taken = 0;
  return {
    port: (server.address() as AddressInfo).port,
    async next() {
      const index = taken++;
      while (sockets.length <= index) await once(server, "connection");
      const socket = sockets[index] as Socket;
      closing.push(async () => socket.destroy());
      const lines: string[] = [];
      let rest = "";
      socket.setEncoding("utf8").on("data", (chunk: string) => {
        const parts = (rest + chunk).split("\n");
        rest = parts.pop() as string;
        lines.push(...parts);
        socket.emit("lines");
      });
      const seen = async (count: number) => {
        while (lines.length < count) await once(socket, "lines");
        return lines;
      };
      return { socket, lines, seen };
    },
  };
}

function phoneAt(ports: readonly number[], dialect: DialectName, more: { hurry?: number; clock?: Clock } = {}): Phone {
  const servers = ports.map((port) => ({ host: "127.0.0.1", port }));
  const phone = new Phone({ bot: "LOA.i", device: "dev-1", dialect, servers, ...more });
  closing.push(() => phone.close());
  return phone;
}

const saying = { room: "방", channel: "18446369739418675", sender: "홍길동", userHash: "u1" };
const eventOf = (line: string): string => JSON.parse(line.slice(0, line.lastIndexOf("}") + 1)).event ?? "bare";

describe.each(DIALECT_NAMES)("a phone of dialect %s", (dialect) => {
  test("holds a conversation with the bridge codec: handshake, chat, answer, ping", async () => {
    const peer = await listen();
    const phone = phoneAt([peer.port], dialect);
    phone.connect();
    const { socket } = await peer.next();
    const session = bridge.open();
    const heard: Decoded[] = [];
    socket.setEncoding("latin1").removeAllListeners("data");
    socket.on("data", (chunk: string) => {
      for (const frame of session.push(Buffer.from(chunk, "latin1")).frames) {
        const decoded = session.decode(frame);
        heard.push(decoded);
        socket.emit("heard");
        if (decoded.kind === "handshake") socket.write(session.welcome(0, "approved"));
        if (decoded.kind !== "chat") continue;
        const { channel, room, text } = decoded.line;
        const base = { v: 1, id: "a:0", bot: "LOA.i", channel, room, deadline: 0 } as const;
        for (const out of session.encode(
          { ...base, kind: "text", text: `에코: ${text}` },
          { nowMs: 0, resent: false },
        )) {
          socket.write(out);
        }
      }
    });
    expect((await once(phone.events, "welcome"))[0]).toMatchObject({ success: true });
    const logId = phone.say({ ...saying, text: "# echo }\n🎉" });
    const [shown] = await once(phone.events, "shown");
    expect(shown).toMatchObject({ room: "방", channel: saying.channel, text: "에코: # echo }\n🎉" });
    expect(heard.at(-1)).toMatchObject({
      line: { channel: saying.channel, room: "방", sender: "홍길동", userHash: "u1", logId, isGroupChat: true },
      claims: { bot: "LOA.i", device: "dev-1" },
    });
    socket.write(session.ping("LOA.i", "nonce:5"));
    await once(socket, "heard");
    expect(heard.at(-1)).toMatchObject({ kind: "pong", token: "nonce:5" });
  });
});

test("a phone signs as the scripts do", () => {
  const who = { clientType: "MessengerBotR", botName: "LOA.i", deviceUUID: "ccbd8eee1012327e" };
  const where = { macAddress: "02:00:00:00:00:00", ipAddress: "192.168.1.100", timestamp: 1753100000000 };
  expect(sign({ key: "test-secret", salt: "test-salt" }, { ...who, ...where })).toBe(
    "264c7bc04bf077a62e82e39477558500a18871e23edadd41defa4400bea006f0",
  );
});

test("a 3.3 phone with 12 lines queued sends 10 of them and no handshake, then 2 and two handshakes", async () => {
  const peer = await listen();
  const phone = phoneAt([peer.port], "v333", { hurry: 1_000 });
  for (let i = 0; i < 12; i++) phone.say({ ...saying, text: `${i}` });
  phone.connect();
  const first = await peer.next();
  expect((await first.seen(10)).map(eventOf)).toEqual(Array(10).fill("message"));
  first.socket.destroy();
  const second = await peer.next();
  expect((await second.seen(4)).map(eventOf)).toEqual(["message", "message", "handshake", "handshake"]);
  expect(first.lines.length).toBe(10);
});

test("a 3.2 phone sends its handshake before what it had queued", async () => {
  const peer = await listen();
  const phone = phoneAt([peer.port], "legacy32");
  phone.say({ ...saying, text: "x" });
  phone.connect();
  expect((await (await peer.next()).seen(2)).map(eventOf)).toEqual(["bare", "analyze"]);
});

test("the offline queue forgets after 30 s, keeps the newest 2,000 and gives out 10 at a time", () => {
  const queue = new OfflineQueue();
  const at = (queuedAt: number, line = "") => queue.push({ line, queuedAt, said: null });
  at(0);
  for (let i = 0; i < 3_000; i++) at(31_000, String(i));
  expect(queue.takeForFlush(61_000).map((entry) => entry.line)).toEqual(
    Array.from({ length: 10 }, (_, i) => String(1_000 + i)),
  );
  expect(queue.size).toBe(1_990);
  expect(queue.takeForFlush(61_001)).toEqual([]);
});

test("a phone dials again after 4, 8, 16, 32, 60, 60 s, and after 4 s once it was connected", async () => {
  const waits: number[] = [];
  const system = systemClock();
  const port = await freePort();
  const listening = Promise.withResolvers<Peer>();
  const after = (ms: number, then: () => void) => {
    if (ms === 5_000) return () => {}; // the limit of a dial, which a refusal never reaches
    waits.push(ms);
    if (waits.length === 6) void listen(port).then(listening.resolve).then(then);
    else setImmediate(then);
    return () => {};
  };
  phoneAt([port], "legacy32", { clock: { ...system, after } }).connect();
  const peer = await listening.promise;
  (await peer.next()).socket.destroy();
  await peer.next();
  expect(waits).toEqual([4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 4_000]);
});

test("a phone takes the next server when one refuses, and stays there", async () => {
  const dead = await freePort();
  const peer = await listen();
  phoneAt([dead, peer.port], "a2", { hurry: 1_000 }).connect();
  (await peer.next()).socket.destroy();
  await listen(dead);
  await (await peer.next()).seen(1);
});

test("a phone that shows pictures reads nothing, and answers the ping behind them afterwards", async () => {
  const peer = await listen();
  const phone = phoneAt([peer.port], "v333", { hurry: 20 });
  phone.connect();
  const { socket, seen } = await peer.next();
  const session = bridge.open();
  session.decode(Buffer.from((await seen(1))[0] as string));
  const base = { v: 1, id: "a:0", bot: "b", channel: "1", room: "방", deadline: 0 } as const;
  const items = [
    { form: "base64", value: "aGk=" },
    { form: "url", value: "https://a.example/1.jpg" },
  ] as const;
  const picture = { ...base, kind: "media", media: "image", items, waitMs: 3_000 } as const;
  const shown = once(phone.events, "shown");
  const from = performance.now();
  for (const frame of session.encode(picture, { nowMs: 0, resent: false })) socket.write(frame);
  socket.write(session.ping("b", "t"));
  expect((await shown)[0]).toMatchObject({ media: ["aGk=", "https://a.example/1.jpg"], text: null });
  expect(eventOf((await seen(2))[1] as string)).toBe("pong");
  expect(performance.now() - from).toBeGreaterThan((3_000 + 1_200) / 20 - 5);
});

test("a phone whose connection broke while it showed pictures sends the answer to the ping behind them on the next one", async () => {
  const peer = await listen();
  const phone = phoneAt([peer.port], "a1", { hurry: 20 });
  phone.connect();
  const first = await peer.next();
  await first.seen(1);
  const picture = { room: "방", channel_id: "1", bot_name: "b", text: "MEDIA_URL:https://a.example/1.jpg" };
  const shown = once(phone.events, "shown");
  const ping = Buffer.from(bridge.open().ping("b", "stale")).toString();
  first.socket.write(`${JSON.stringify({ event: "messageResponse", data: picture })}\n${ping}`);
  await shown;
  first.socket.resetAndDestroy();
  const lines = await (await peer.next()).seen(2);
  expect(lines.map((line) => bridge.open().decode(Buffer.from(line)))).toContainEqual(
    expect.objectContaining({ kind: "pong", token: "stale" }),
  );
  expect(first.lines).toHaveLength(1);
});

test("a phone sends again only what it could not hand over", async () => {
  const peer = await listen();
  const phone = phoneAt([peer.port], "legacy32", { hurry: 200 });
  const sent: string[] = [];
  phone.events.on("sent", ({ logId }) => sent.push(logId));
  phone.connect();
  const first = await peer.next();
  await first.seen(1);
  first.socket.pause();
  const said: (string | null)[] = [];
  for (let i = 0; i < 200; i++) said.push(phone.say({ ...saying, text: "가".repeat(65_000) }));
  const handedOver = once(phone.events, "closed").then(() => new Set<string | null>(sent));
  first.socket.resetAndDestroy();
  const second = await peer.next();
  const again = (await second.seen(11)).slice(1).map((line) => JSON.parse(line).data.logId);
  const before = await handedOver;
  const failed = said.filter((logId) => !before.has(logId));
  expect(before.size).toBeGreaterThan(0);
  expect(failed.length).toBeGreaterThan(10);
  expect(again).toEqual(failed.slice(0, 10));
});

test("a phone shows no frame of another framing than its own, but 3.3.0.a1 both", () => {
  const frame = (data: object, raw = "") =>
    JSON.stringify({ event: "messageResponse", data: { room: "방", ...data } }) + raw;
  const legacy = frame({ text: "안녕" });
  const positions = frame({ message_type: "text", content_encoding: "base64", message_positions: [0, 8] }, "7JWI64WV");
  const shown = (line: string) => DIALECT_NAMES.filter((name) => hear(phoneDialects[name], line)?.kind === "text");
  expect(shown(legacy)).toEqual(["legacy31", "legacy32", "a1", "v290c"]);
  expect(shown(positions)).toEqual(["a1", "a2", "v333"]);
  expect(shown(positions.replace("[0,8]", "[0,0]"))).toEqual([]);
});

test("a phone ignores what it cannot read and stays connected", async () => {
  const peer = await listen();
  for (const dialect of DIALECT_NAMES) {
    const phone = phoneAt([peer.port], dialect);
    phone.connect();
    const { socket } = await peer.next();
    const junk = '\r\n{bad\n\r{"event":"x","data":{}}\r\n[]\nnull\n{"event":"messageResponse"}\n}\n';
    socket.write(Buffer.concat([Buffer.from(junk), Buffer.from([0xff, 0xfe, 10])]));
    socket.write('{"event":"handshakeComplete","data":{"success":true}}\r');
    await once(phone.events, "welcome");
    expect(phone.isOpen).toBe(true);
  }
});

test("a phone refused by success: false dials again, unless its script is too old to look", async () => {
  const peer = await listen();
  const phone = phoneAt([peer.port], "v333", { hurry: 1_000 });
  phone.connect();
  (await peer.next()).socket.write('{"event":"handshakeComplete","data":{"success":false}}\n');
  await (await peer.next()).seen(1);
});
