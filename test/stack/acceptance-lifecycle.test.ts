/**
 * Rows of docs/acceptance.md about starting, stopping, going and coming back. One gateway and one worker, whose answers
 * may be shown for three seconds only.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { connect } from "node:net";
import { join, resolve } from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { keysFor } from "#common/contract/keys.ts";
import { Phone } from "#scripts/phone/phone.ts";
import { freePort } from "#scripts/stack/free-port.ts";
import type { Pod } from "#scripts/stack/pod.ts";
import { topology } from "#test/fixtures/balances.ts";
import { logLinesOf } from "#test/fixtures/log-lines.ts";
import { ask } from "#test/fixtures/mariadb.ts";
import { KEY_PREFIX } from "#test/fixtures/own-stack.ts";
import { freshBot, patience, RawPhone } from "#test/fixtures/raw-phone.ts";
import { stackOfFile } from "#test/fixtures/stack.ts";
import { metricOf, until } from "./site.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const TTL_MS = 3_000;

let world: Awaited<ReturnType<typeof stackOfFile>>;
let gateway: Pod;
let worker: Pod;
let port: number;

beforeAll(async () => {
  // For its `# nap`: without a plan it does not die.
  const workerMain = join(ROOT, "test/fixtures/dying-worker.ts");
  world = await stackOfFile({ workerMain, env: { MOA_ACTION_TTL_MS: `${TTL_MS}` } });
  [gateway, worker] = [world.stack.gateways[0] as Pod, world.stack.workers[0] as Pod];
  port = gateway.ports.bridge as number;
});
afterAll(() => world?.remove());

/** A pod by its own main, as an operator starts it. Its process ends with the test. */
function started(main: string, env: NodeJS.ProcessEnv, ...args: string[]) {
  const given = { MOA_REDIS_URL: world.stack.redisUrl, MOA_KEY_PREFIX: "moa-alone:", MOA_OPS_PORT: "0", ...env };
  const child = spawn(process.execPath, [join(ROOT, main), ...args], {
    env: { PATH: process.env.PATH, ...given },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit").then(([code]) => code as number | null);
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  let output = "";
  child.stdout.on("data", (part) => (output += part));
  const ready = () => vi.waitFor(() => expect(output).toContain('"msg":"ready"'), patience);
  return { exited, ready, output: () => output };
}

function answers(at: number, host = "127.0.0.1"): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(at, host, () => resolve(true));
    socket.once("connect", () => socket.destroy());
    socket.once("error", () => resolve(false));
  });
}

/** Its exit code, and how long it took from SIGTERM. */
async function terminated({ child }: Pod) {
  const death = new Promise<string>((resolve) => (child.onDeath = resolve));
  const from = performance.now();
  child.signal("SIGTERM");
  const code = /exit code (\d+)/.exec(await death)?.[1];
  child.onDeath = () => {};
  return { code: Number(code), tookMs: performance.now() - from };
}

/** Says a line that takes a while and resolves when its turn has started. */
async function sayNap(phone: RawPhone, ms: number): Promise<void> {
  const turns = () => metricOf([worker], "moa_delivery_seconds_count", 'leg="dispatch"');
  const before = await turns();
  phone.say(`# nap ${ms}`);
  await vi.waitFor(async () => expect(await turns()).toBe(before + 1), patience);
}

describe("where it listens", () => {
  /** An address of this machine that nobody else listens on, so that the original's own ports are free there. */
  const host = `127.${process.pid % 250}.${(process.pid >> 8) % 250}.7`;

  test("D-01 a gateway without arguments listens on port 1490", async () => {
    await started("gateway/main.ts", { MOA_HOST: host }).ready();
    expect(await answers(1490, host)).toBe(true);
  });

  test("D-02 with --port=1500 it listens there and not on 1490", async () => {
    await started("gateway/main.ts", { MOA_HOST: host }, "--port=1500").ready();
    expect([await answers(1500, host), await answers(1490, host)]).toEqual([true, false]);
  });
});

test.each([
  ["MySQL", "workers/main.ts", { MOA_MYSQL_URL: "mysql://127.0.0.1:1/moa" }],
  ["Redis", "gateway/main.ts", { MOA_REDIS_URL: "redis://127.0.0.1:1/0" }],
])("D-24 a start without %s ends with an exit code, a SHUTDOWN line and no open port", async (_, main, url) => {
  const [bridge, ops] = [await freePort(), await freePort()];
  const pod = started(main, { MOA_BRIDGE_PORT: `${bridge}`, MOA_OPS_PORT: `${ops}`, ...url });
  let code: number | null | undefined;
  void pod.exited.then((one) => (code = one));
  await until("its end", patience.timeout, async () => {
    expect(await answers(bridge)).toBe(false);
    return code !== undefined;
  });
  expect(code).toBe(1);
  expect(pod.output()).toMatch(/"level":"error".*"tag":"SHUTDOWN".*_unavailable/);
  expect([await answers(bridge), await answers(ops)]).toEqual([false, false]);
});

test("D-09 a connection that says nothing is closed after ten seconds and leaves nothing", async () => {
  const phone = await RawPhone.dial(port);
  const from = performance.now();
  await once(phone.socket, "close");
  expect(Math.abs(performance.now() - from - 10_000)).toBeLessThan(1_500);
  expect(await metricOf([gateway], "moa_connections")).toBe(0);
  const told = { level: "warn", tag: "CLIENT", reason: "handshake_timeout" };
  expect(logLinesOf(world.dir, "gateway-1")).toContainEqual(expect.objectContaining(told));
});

describe("an answer for a bot without connection", () => {
  /** Actions of the bot that wait, unconfirmed. */
  async function untilWaiting(bot: string, count: number): Promise<void> {
    const redis = new Redis(world.stack.redisUrl);
    onTestFinished(() => redis.disconnect());
    const key = keysFor(topology, KEY_PREFIX).outbox(bot);
    await vi.waitFor(async () => expect(await redis.xlen(key)).toBe(count), patience);
  }

  test("L-23 waits, and is shown when a phone comes back in time", async () => {
    const bot = freshBot();
    const phone = await RawPhone.identified(port, bot);
    await sayNap(phone, 300);
    phone.socket.destroy();
    await untilWaiting(bot, 1);
    expect(await metricOf([worker], "moa_actions_without_writer_total", 'what="unattended"')).toBeGreaterThan(0);
    const warnings = logLinesOf(world.dir, "worker-1").filter(({ tag, level }) => tag === "OUTBOX" && level === "warn");
    expect(warnings).toMatchObject([{ what: "unattended" }]);
    const back = (await RawPhone.identified(port, bot)).echoPings();
    await back.until(() => back.shown.length > 0, "the answer");
    expect(back.shown).toEqual(["slept 300"]);
    await untilWaiting(bot, 0);
  });

  test("D-61 L-23 is not shown after its time, and counted as expired", async () => {
    const expired = () => metricOf([gateway], "moa_actions_delivered_total", 'result="expired"');
    const before = await expired();
    const bot = freshBot();
    const phone = await RawPhone.identified(port, bot);
    await sayNap(phone, 300);
    const lateAt = Date.now() + TTL_MS;
    phone.socket.destroy();
    await untilWaiting(bot, 1);
    await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(lateAt), patience);
    const back = await RawPhone.identified(port, bot);
    back.say("# echo next");
    await back.until(() => back.shown.length > 0, "the next answer");
    expect(back.shown).toEqual(["에코: next"]);
    expect((await expired()) - before).toBe(1);
  });
});

test("D-61 an answer that is decided after its time is not shown, and counted as expired", async () => {
  const expired = () => metricOf([worker], "moa_messages_handled_total", 'outcome="expired"');
  const before = await expired();
  const phone = await RawPhone.identified(port);
  phone.say(`# nap ${TTL_MS + 500}`);
  await vi.waitFor(async () => expect((await expired()) - before).toBe(1), patience);
  phone.say("# echo next");
  await phone.until(() => phone.shown.length > 0, "the next answer");
  expect(phone.shown).toEqual(["에코: next"]);
});

describe("stop and restart", () => {
  test("L-25 a worker told to stop finishes the turn in hand and ends with 0 within ten seconds", async () => {
    const bot = freshBot();
    const phone = (await RawPhone.identified(port, bot)).echoPings();
    await sayNap(phone, 1_000);
    const { code, tookMs } = await terminated(worker);
    expect([code, tookMs < 10_000]).toEqual([0, true]);
    await phone.until(() => phone.shown.length > 0, "the answer");
    phone.say("# echo next");
    await worker.child.start();
    await phone.until(() => phone.shown.length > 1, "the answer of the next worker");
    expect(phone.shown).toEqual(["slept 1000", "에코: next"]);
    const texts = () => ask(world.stack.mysqlUrl, "SELECT message FROM kb_chat_logs WHERE bot_name = ?", [bot]);
    const due = ["# nap 1000", "slept 1000", "# echo next", "에코: next"];
    await vi.waitFor(async () => expect((await texts()).map(({ message }) => message)).toEqual(due), patience);
  });

  test("L-25 a gateway told to stop takes no phone, appends what it read and ends with 0 within ten seconds", async () => {
    const phone = await RawPhone.identified(port);
    const appended = () => metricOf([worker], "moa_messages_handled_total", 'outcome="handled"');
    const before = await appended();
    for (let n = 0; n < 200; n++) phone.say(`line ${n}`);
    await vi.waitFor(async () => expect((await appended()) - before).toBeGreaterThan(0), patience);
    const { code, tookMs } = await terminated(gateway);
    expect([code, tookMs < 10_000]).toEqual([0, true]);
    expect(phone.isClosed).toBe(true);
    expect(await answers(port)).toBe(false);
    await gateway.child.start();
    expect(logLinesOf(world.dir, "gateway-1").filter(({ msg }) => msg === "a line was read and not appended")).toEqual(
      [],
    );
  });

  test("X-03 X-12 a killed gateway binds its port again at once and takes its phones back", async () => {
    const shown: unknown[] = [];
    const phones = Array.from({ length: 5 }, (_, n) => {
      const [bot, dialect] = [freshBot(), n % 2 ? ("legacy32" as const) : ("v333" as const)];
      const phone = new Phone({ host: "127.0.0.1", port, bot, device: bot, dialect, hurry: 20 });
      phone.events.on("shown", ({ text }) => shown.push(text));
      onTestFinished(() => phone.close());
      phone.connect();
      return phone;
    });
    const allOpen = () => vi.waitFor(() => expect(phones.every(({ isOpen }) => isOpen)).toBe(true), patience);
    await allOpen();
    const closed = Promise.all(phones.map((phone) => once(phone.events, "closed")));
    await gateway.child.kill();
    const from = performance.now();
    await gateway.child.start();
    process.stderr.write(`X-12: ready ${Math.round(performance.now() - from)} ms after its death\n`);
    expect(gateway.ports.bridge).toBe(port);
    await closed;
    await allOpen();
    const said = { room: "방", channel: "1", sender: "홍길동", userHash: "u1" };
    for (const [n, phone] of phones.entries()) phone.say({ ...said, text: `# echo ${n}` });
    await vi.waitFor(() => expect(shown.toSorted()).toEqual(phones.map((_, n) => `에코: ${n}`)), patience);
  });
});

test("X-14 the whole stack speaks to nobody beyond this machine and opens no accelerator", async () => {
  const pids = world.stack.children.map(({ pid }) => pid as number);
  const open = pids.flatMap(openBy);
  expect(open.filter((file) => /^[/]dev[/](nvidia|dri|kfd)/.test(file))).toEqual([]);
  const inodes = new Set(open.flatMap((file) => /^socket:\[(\d+)\]$/.exec(file)?.[1] ?? []));
  const sockets = ["tcp", "tcp6", "udp", "udp6"].flatMap(socketsOf).filter(({ inode }) => inodes.has(inode));
  expect(sockets.length).toBeGreaterThan(pids.length);
  expect(sockets.filter(({ local, remote }) => ![local, remote].every(isHere))).toEqual([]);
});

function openBy(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch {
      return []; // closed meanwhile
    }
  });
}

/** Of every process; addresses as the kernel writes them: 32-bit words in hex, least byte first. */
function socketsOf(protocol: string) {
  const lines = readFileSync(`/proc/net/${protocol}`, "utf8").trim().split("\n").slice(1);
  return lines.map((line) => {
    const [, local = "", remote = "", , , , , , , inode = ""] = line.trim().split(/\s+/);
    return { protocol, local, remote, inode };
  });
}

/** Loopback, mapped or not, or, of a listening socket's other end, nobody. */
function isHere(address: string): boolean {
  return /^(0{16}FFFF0000|)[0-9A-F]{6}7F:|^0{24}01000000:|^(0{8}|0{32}):0000$/.test(address);
}
