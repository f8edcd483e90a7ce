/** Peers that do not read, storms, and what stands in front of the protocol, seen at real gateway processes. */
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectTcp, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { connect as connectTls } from "node:tls";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { limits } from "#common/contract/limits.ts";
import { type Pod, podOf } from "#scripts/stack/pod.ts";
import { selfSigned } from "#test/fixtures/certificate.ts";
import { logLinesOf } from "#test/fixtures/log-lines.ts";
import { KEY_PREFIX } from "#test/fixtures/own-stack.ts";
import { freshBot, patience, RawPhone } from "#test/fixtures/raw-phone.ts";
import { stackOfFile } from "#test/fixtures/stack.ts";
import { memoryOf, metricOf, until } from "./site.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const MIB = 1024 * 1024;
/** From the first dial to the last answer, on a machine that does other things as well. */
const STORM_MS_MAX = 15_000;
const MEMORY_MIB_MAX = 300;

let world: Awaited<ReturnType<typeof stackOfFile>>;
let gateway: Pod;
let port: number;

beforeAll(async () => {
  world = await stackOfFile({ workerMain: join(ROOT, "test/fixtures/odd-worker.ts") });
  [gateway] = world.stack.gateways as [Pod];
  port = gateway.ports.bridge as number;
});
afterAll(() => world?.remove());

const metric = (name: string, label = "", pod = gateway) => metricOf([pod], name, label);
const closedAs = (reason: string) => metric("moa_connections_closed_total", `reason="${reason}"`);

/** Echoes, so that the pod is well and this phone is its writer. */
async function answered(phone: RawPhone, text = "still here"): Promise<void> {
  const before = phone.shown.length;
  phone.say(`# echo ${text}`);
  await phone.until(() => phone.shown.length > before, "the answer");
  expect(phone.shown.at(-1)).toBe(`에코: ${text}`);
}

/** A gateway of its own beside the stack's. */
async function podWith(env: Readonly<Record<string, string>>): Promise<Pod> {
  const { redisUrl, mysqlUrl } = world.stack;
  const servers = { MOA_REDIS_URL: redisUrl, MOA_MYSQL_URL: mysqlUrl, MOA_KEY_PREFIX: KEY_PREFIX };
  const ports = { MOA_BRIDGE_PORT: "0", MOA_OPS_PORT: "0", MOA_TLS_PORT: "0" };
  const own = { PATH: process.env.PATH, ...servers, ...ports, ...env };
  const logFile = join(world.dir, "logs", "edge.log");
  const pod = podOf({ name: "edge", main: join(ROOT, "gateway/main.ts"), env: own, logFile });
  onTestFinished(() => pod.child.stop());
  await pod.child.start();
  return pod;
}

describe("a peer that reads nothing", () => {
  const long = "가".repeat(limits.fieldCharsMax);
  const echo = { bot_name: long, channel_id: long, room: long, user_hash: long, server_timestamp: long };
  const ping = `${JSON.stringify({ event: "ping", data: echo })}\n`;
  const buffered = () => metric("moa_socket_buffered_bytes");
  const pongs = () => metric("moa_frames_total", 'direction="out",type="pong"');

  /** Its pings are answered at length and nobody takes the answers, until the kernel takes no more of them. */
  async function stuff(phone: RawPhone): Promise<void> {
    const before = await pongs();
    phone.socket.pause();
    await until("a queue", patience.timeout, async () => {
      if (phone.socket.writableLength < MIB) phone.send(ping.repeat(4));
      return (await buffered()) > limits.writeBytesMax;
    });
    expect(((await pongs()) - before) * Buffer.byteLength(ping)).toBeGreaterThan(MIB);
  }

  test("S-PROC-06 is told no more than waits already, and ended when that stands, while others are answered", async () => {
    const before = await closedAs("write_stalled");
    const [lazy, keen] = [await RawPhone.identified(port), await RawPhone.identified(port)];
    await stuff(lazy);
    let most = 0;
    await until("its end", patience.timeout, async () => {
      if (lazy.socket.writableLength < MIB) lazy.send(ping.repeat(4));
      most = Math.max(most, await buffered());
      return (await closedAs("write_stalled")) > before;
    });
    expect(most).toBeLessThan(2 * limits.writeBytesMax);
    await answered(keen);
    await vi.waitFor(async () => expect(await buffered()).toBe(0), patience);
  });

  test("S-CONN-08b does not keep its own device out: dialling again it is answered within a second", async () => {
    const bot = freshBot();
    const old = await RawPhone.identified(port, bot);
    await stuff(old);
    const from = performance.now();
    const again = await RawPhone.identified(port, bot);
    expect(performance.now() - from).toBeLessThan(1_000);
    await answered(again);
    await vi.waitFor(async () => expect(await buffered()).toBe(0), patience);
  });

  test("S-CONN-10 while it shows pictures for fifteen seconds is no zombie, and gets what follows in order, once", async () => {
    const zombies = await metric("moa_zombies_detected_total");
    const phone = (await RawPhone.identified(port)).echoPings();
    await answered(phone);
    phone.say("# pictures 15000");
    await phone.until(() => phone.shown.length === 2, "the pictures");
    phone.socket.pause();
    for (let i = 0; i < 10; i++) phone.say(`# echo ${i}`);
    await once(phone.socket.setTimeout(15_000), "timeout");
    expect(phone.isClosed).toBe(false);
    expect(await metric("moa_zombies_detected_total")).toBe(zombies);
    phone.socket.setTimeout(0).resume();
    await phone.until(() => phone.shown.length >= 12, "every answer");
    expect(phone.shown.slice(2)).toEqual(Array.from({ length: 10 }, (_, i) => `에코: ${i}`));
    expect(phone.answers.some(({ data }) => data.resent === true)).toBe(false);
  });

  test("S-CONN-10 for fifteen seconds without a reason is kept and gets everything in order; what it gets twice says so", async () => {
    const phone = (await RawPhone.identified(port)).echoPings();
    await answered(phone);
    phone.socket.pause();
    const texts = Array.from({ length: 20 }, (_, i) => `# echo busy ${i} ${"x".repeat(10_000)}`);
    for (const text of texts) phone.say(text);
    await once(phone.socket.setTimeout(15_000), "timeout");
    expect(phone.isClosed).toBe(false);
    phone.socket.setTimeout(0).resume();
    const distinct = () => [...new Set(phone.shown)].slice(1);
    await phone.until(() => distinct().length === texts.length, "every answer");
    expect(distinct()).toEqual(texts.map((text) => text.replace("# echo", "에코:")));
    const again = phone.answers.filter(({ data }, i) => phone.shown.indexOf(data.text) < i);
    expect(again.every(({ data }) => data.resent === true)).toBe(true);
  });
});

describe("a storm", () => {
  test("S-CONN-11 of 500 phones that come back at once after a kill -9 is served to the last", async () => {
    const pod = await podWith({});
    const bridge = pod.ports.bridge as number;
    const bots = Array.from({ length: 500 }, freshBot);
    await Promise.all(bots.map((bot) => RawPhone.identified(bridge, bot)));
    await pod.child.kill();
    await pod.child.start();
    const from = performance.now();
    const phones = await Promise.all(bots.map((bot) => RawPhone.identified(bridge, bot)));
    await Promise.all(phones.map((phone, i) => answered(phone, `storm ${i}`)));
    expect(performance.now() - from).toBeLessThan(STORM_MS_MAX);
    expect(phones.every(({ isClosed }) => !isClosed)).toBe(true);
    expect(await metric("moa_connections_closed_total", "", pod)).toBe(0);
    const handshakes = (label: string) => metric("moa_handshake_seconds_bucket", `${label},result="ok"`, pod);
    expect(await handshakes('le="+Inf"')).toBe(bots.length);
    expect(await handshakes('le="2.5"')).toBeGreaterThanOrEqual(0.99 * bots.length);
    expect(memoryOf(pod)).toBeLessThan(MEMORY_MIB_MAX);
  });
});

describe("what stands in front of the protocol", () => {
  test("S-CONN-13 the connection limit shuts the listener: the next is refused at once, and let in when one has gone", async () => {
    const pod = await podWith({ MOA_CONNECTIONS_MAX: "3" });
    const bridge = pod.ports.bridge as number;
    const phones = [
      await RawPhone.identified(bridge),
      await RawPhone.identified(bridge),
      await RawPhone.identified(bridge),
    ];
    const from = performance.now();
    await expect(RawPhone.dial(bridge)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    expect(performance.now() - from).toBeLessThan(1_000);
    expect([await metric("moa_listener_full", "", pod), await metric("moa_listener_closures_total", "", pod)]).toEqual([
      1, 1,
    ]);
    expect(logLinesOf(world.dir, "edge").some(({ msg }) => /listeners are shut/.test(String(msg)))).toBe(true);
    const readiness = async () => (await fetch(`http://127.0.0.1:${pod.ports.ops}/readyz`)).status;
    expect(await readiness()).toBe(503);
    await answered(phones[0] as RawPhone);
    phones[1]?.socket.destroy();
    await vi.waitFor(async () => expect(await readiness()).toBe(200), patience);
    await RawPhone.identified(bridge);
  });

  test("a PROXY header names the real peer, from the networks that may send one and required there", async () => {
    const pod = await podWith({ MOA_PROXY_PROTOCOL_FROM: "127.0.0.2/32" });
    const bridge = pod.ports.bridge as number;
    const dial = (localAddress: string) => {
      const socket = connectTcp({ port: bridge, host: "127.0.0.1", localAddress }).on("error", () => {});
      onTestFinished(() => void socket.destroy());
      return socket;
    };
    const refused = (socket: Socket, bytes: string) =>
      new Promise((closed) => socket.once("close", closed).resume().write(bytes));
    const bot = freshBot();
    const v2 = Buffer.from(`0d0a0d0a000d0a515549540a2111000cc0000207${"7f000001"}0fa005d2`, "hex");
    dial("127.0.0.2").write(
      Buffer.concat([v2, Buffer.from(`${JSON.stringify({ botName: bot, version: "1", deviceID: "d" })}\n`)]),
    );
    const identified = () =>
      logLinesOf(world.dir, "edge").find((line) => line.bot === bot && line.msg === "identified");
    await vi.waitFor(() => expect(identified()?.peer).toBe("192.0.2.7:4000"), patience);
    await refused(dial("127.0.0.2"), '{"botName":"b"}\n');
    expect(await metric("moa_connections_refused_total", 'reason="proxy_header_invalid"', pod)).toBe(1);
    await refused(dial("127.0.0.3"), "PROXY TCP4 192.0.2.9 127.0.0.1 1 2\r\n");
    expect(await metric("moa_connections_closed_total", 'reason="proxy_header"', pod)).toBe(1);
  });

  test("TLS is spoken on a port of its own when a certificate is given", async () => {
    const dir = mkdtempSync(join(tmpdir(), "moa-tls-"));
    onTestFinished(() => rmSync(dir, { recursive: true }));
    const { cert, key } = selfSigned("edge");
    const files = { MOA_TLS_CERT_FILE: join(dir, "cert.pem"), MOA_TLS_KEY_FILE: join(dir, "key.pem") };
    writeFileSync(files.MOA_TLS_CERT_FILE, cert);
    writeFileSync(files.MOA_TLS_KEY_FILE, key);
    const pod = await podWith(files);
    const phone = connectTls({
      port: pod.ports.tls as number,
      host: "127.0.0.1",
      ca: cert,
      checkServerIdentity: () => undefined,
    });
    onTestFinished(() => void phone.destroy());
    let got = "";
    phone.setEncoding("utf8").on("data", (text) => {
      got += text;
    });
    phone.write(`${JSON.stringify({ botName: freshBot(), version: "3.2.1", deviceID: "d" })}\n`);
    await vi.waitFor(() => expect(got).toContain("handshakeComplete"), patience);
    expect(phone.authorized).toBe(true);
    const line = { room: "r", channelId: "1", text: "# echo tls", logId: "tls" };
    phone.write(`${JSON.stringify({ event: "analyze", data: line })}\n`);
    await vi.waitFor(() => expect(got).toContain("에코: tls"), patience);
    expect(await metric("moa_connections_opened_total", 'transport="tls"', pod)).toBe(1);
    expect(await metric("moa_connections", 'role="writer",transport="tls"', pod)).toBe(1);
    expect(await metric("moa_connections", 'transport="tcp"', pod)).toBe(0);
  });
});
