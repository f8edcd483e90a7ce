/** Rows of docs/acceptance.md about settings and logs: real processes, their command lines, their whole output. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { writeEncrypted } from "#common/config/encrypted.ts";
import { Phone, type Saying } from "#scripts/phone/phone.ts";
import { sign } from "#scripts/phone/signature.ts";
import type { Child } from "#scripts/stack/child.ts";
import { ensureDatabase } from "#scripts/stack/database.ts";
import type { StackState } from "#scripts/stack/state.ts";
import { logLinesOf } from "#test/fixtures/log-lines.ts";
import { ask } from "#test/fixtures/mariadb.ts";
import { freshBot, patience, RawPhone } from "#test/fixtures/raw-phone.ts";
import { stackOfFile } from "#test/fixtures/stack.ts";
import { until } from "./site.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const CATEGORIES = ["STARTUP", "SERVER", "CLIENT", "MSG", "DB", "CONFIG", "ECHO", "PING", "SHUTDOWN"];
const SECRET = { key: "hunter2-of-the-signature", salt: "hunter2-of-the-salt" };
const OPS_TOKEN = "hunter2-of-the-operators";
const SAID = "# echo 내 번호는 010-1234-5678 이야";
const PERSON = { sender: "홍길동비밀", userHash: "hash-of-a-person" };
const DEVICE = "ccbd8eee1012327e";
const MAC = "02:00:5e:10:00:77";

/** A script of ours as an operator starts it. Its process ends with the test. */
function started(main: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith("MOA_"));
  const child = spawn(process.execPath, [join(ROOT, main), ...args], {
    env: { ...Object.fromEntries(others), ...env },
  });
  const exited = once(child, "exit").then(([code]) => code as number | null);
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => (output += part));
  const said = (what: string) => vi.waitFor(() => expect(output).toContain(what), { ...patience, timeout: 60_000 });
  return { child, exited, said, output: () => output };
}

function dirOfTest(): string {
  const dir = mkdtempSync(join(tmpdir(), "moa-config-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

function answers(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host, () => resolve(true));
    socket.once("connect", () => socket.destroy());
    socket.once("error", () => resolve(false));
  });
}

describe("modes", () => {
  /** An address of this machine that nobody else listens on, so that the original's own port is free there. */
  const host = `127.${process.pid % 250}.${(process.pid >> 8) % 250}.8`;

  /** Starts the stack, lets its demonstration speak, and gives how many rows each database then has. */
  async function rowsAfter(dir: string, ...args: string[]): Promise<{ test: number; prod: number }> {
    const stack = started("scripts/start.ts", ["--host", host, ...args], { MOA_DATA_DIR: dir, MOA_OPS_PORT: "0" });
    await stack.said('{"ready":true');
    const { mysqlUrl } = JSON.parse(readFileSync(join(dir, "stack.json"), "utf8")) as StackState;
    const rowsIn = async (database: string) => {
      const counted = "SELECT COUNT(*) AS n FROM kb_chat_logs";
      const url = mysqlUrl.replace(/[^/]*$/, database);
      return ask(url, counted).then(
        ([row]) => Number(row?.n),
        () => 0,
      );
    };
    const mine = mysqlUrl.replace(/.*[/]/, "");
    await until("the rows of the demonstration", 15_000, async () => (await rowsIn(mine)) >= 2);
    const rows = { test: await rowsIn("kkobot_test"), prod: await rowsIn("kkobot_prod") };
    if (args.includes("--port=1491"))
      expect([await answers(1491, host), await answers(1490, host)]).toEqual([true, false]);
    stack.child.kill("SIGTERM");
    expect(await stack.exited).toBe(0);
    return rows;
  }

  test("D-03 D-04 --mode=test writes to kkobot_test only, --mode=prod --port=1491 to kkobot_prod only", async () => {
    const dir = dirOfTest();
    expect(await rowsAfter(dir, "--mode=test", "--port=0")).toEqual({ test: 2, prod: 0 });
    expect(await rowsAfter(dir, "--mode=prod", "--port=1491")).toEqual({ test: 2, prod: 2 });
  });

  test.each(["gateway/main.ts", "workers/main.ts", "scripts/start.ts"])(
    "D-04 %s refuses an unknown mode with the usage",
    async (main) => {
      const pod = started(main, ["--mode=x"], { MOA_DATA_DIR: dirOfTest() });
      expect(await pod.exited).toBe(1);
      expect(pod.output()).toContain("--mode: must be test or prod");
      expect(pod.output()).toContain("--mode=test|prod");
    },
  );
});

describe("a stack whose settings and lines are secret", () => {
  let world: Awaited<ReturnType<typeof stackOfFile>>;
  let outputs = "";

  beforeAll(async () => {
    const keys = JSON.stringify({ "*": [SECRET] });
    const env = { MOA_HMAC_KEYS: keys, MOA_OPS_TOKEN: OPS_TOKEN, MOA_LOG_LEVEL: "info" };
    world = await stackOfFile({ env });
  });
  afterAll(() => world?.remove());

  const pods = (): readonly Child[] => [...world.stack.gateways, ...world.stack.workers].map(({ child }) => child);
  const lines = () => pods().flatMap(({ name }) => logLinesOf(world.dir, name));
  const tags = () => new Set(lines().map(({ tag }) => tag));
  const port = () => world.stack.gateways[0]?.ports.bridge as number;

  function phone(bot: string, dialect: "legacy32" | "v333", device = DEVICE): Phone {
    const made = new Phone({ host: "127.0.0.1", port: port(), bot, device, dialect, secret: SECRET, hurry: 20 });
    onTestFinished(() => made.close());
    made.connect();
    return made;
  }

  /** Until its answer is shown. */
  async function speak(bot: string, text: string): Promise<void> {
    const speaker = phone(bot, "legacy32");
    const shown: unknown[] = [];
    speaker.events.on("shown", (one) => shown.push(one.text));
    await vi.waitFor(() => expect(speaker.isOpen).toBe(true), patience);
    speaker.say({ room: "비밀방", channel: "1001", ...PERSON, text } satisfies Saying);
    await vi.waitFor(() => expect(shown).toEqual([`에코: ${text.slice("# echo ".length)}`]), patience);
  }

  async function signalled(logLevel: string): Promise<void> {
    const told = () => lines().filter((line) => line.tag === "CONFIG" && line.logLevel === logLevel).length;
    const before = told();
    for (const child of pods()) child.signal("SIGUSR2");
    await vi.waitFor(() => expect(told()).toBe(before + pods().length), patience);
  }

  test("D-29 SIGUSR2 turns a running pod's log to debug and back", async () => {
    const turns = () => lines().filter(({ level, tag }) => level === "debug" && tag === "ECHO").length;
    await speak(freshBot(), SAID);
    expect(turns()).toBe(0);
    await signalled("debug");
    await speak(freshBot(), SAID);
    await vi.waitFor(() => expect(turns()).toBe(1), patience);
    await signalled("info");
    await speak(freshBot(), SAID);
    expect(turns()).toBe(1);
  });

  test("D-27 L-52 the encrypted pair gives the databases by mode; a wrong key ends the start and shows nothing", async () => {
    const dir = dirOfTest();
    const { hostname, port, username, password } = new URL(world.stack.mysqlUrl);
    await ensureDatabase(world.stack.mysqlUrl.replace(/[^/]*$/, "kkobot_test"));
    const entry = { HOST: hostname, USER: username, PASS: decodeURIComponent(password), PORT: Number(port) };
    const pairOf = (name: string) => ({ keyFile: join(dir, `.${name}.key`), encFile: join(dir, `.${name}.enc`) });
    const [mine, other] = [pairOf("kkobot"), pairOf("other")];
    writeEncrypted({ settings: { DBs: { test: entry, live: { ...entry, PASS: "wrong" } } }, ...mine });
    writeEncrypted({ settings: {}, ...other });
    const pair = { MOA_CONFIG_KEY_FILE: mine.keyFile, MOA_CONFIG_ENC_FILE: mine.encFile };
    const env = { ...pair, MOA_REDIS_URL: world.stack.redisUrl, MOA_OPS_PORT: "0", MOA_LOG_LEVEL: "debug" };

    const worker = started("workers/main.ts", ["--mode=test"], env);
    await worker.said('"msg":"ready"');
    expect(worker.output()).toContain('"MOA_MYSQL_URL":"enc"');
    const tables = await ask(world.stack.mysqlUrl, "SHOW TABLES FROM kkobot_test LIKE 'kb_chat_logs'");
    expect(tables).toHaveLength(1);

    const unreadable = started("workers/main.ts", ["--mode=test"], { ...env, MOA_CONFIG_KEY_FILE: other.keyFile });
    expect(await unreadable.exited).toBe(1);
    expect(JSON.parse(unreadable.output())).toMatchObject({ level: "error", tag: "CONFIG" });
    expect(unreadable.output()).toContain(`${mine.encFile} was changed or not made with the key in ${other.keyFile}`);
    outputs += worker.output() + unreadable.output();
  });

  test("D-28 D-30 X-01 a run has a line of each category, and in no log is a secret or a person", async () => {
    await signalled("debug");
    await speak(freshBot(), SAID);
    const signed = { clientType: "MessengerBotR", botName: "another", deviceUUID: DEVICE, macAddress: MAC };
    const from = { ...signed, ipAddress: "192.168.1.100", timestamp: Date.now() };
    const signature = sign(SECRET, from);
    const raw = await RawPhone.identified(port(), freshBot(), DEVICE);
    raw.say(SAID, { ...PERSON, auth: { ...from, deviceID: DEVICE, version: "3.2.1", signature } });
    raw.send(
      `{"event":"analyze","data":{"text":"${SAID}","sender":"${PERSON.sender}","auth":{"signature":"${signature}"\n`,
    );
    raw.send({ event: SAID, data: { ...PERSON, auth: { ...from, signature } } });
    // One of many is pinged soon: each gets its first ping at a random moment of the first half minute.
    for (let n = 0; n < 40; n++) phone(freshBot(), "v333", `ping-phone-${n}`);
    const running = CATEGORIES.filter((tag) => tag !== "SHUTDOWN");
    await vi.waitFor(() => expect([...tags()]).toEqual(expect.arrayContaining(running)), patience);
    await world.stack.stop();
    expect([...tags()]).toEqual(expect.arrayContaining(CATEGORIES));
    expect(lines().every(({ tag }) => typeof tag === "string" && /^[A-Z]+$/.test(tag))).toBe(true);

    const files = readdirSync(join(world.dir, "logs")).map((name) =>
      readFileSync(join(world.dir, "logs", name), "utf8"),
    );
    const everything = [...files, outputs].join("\n");
    expect(everything.split("\n").filter((line) => line.split('"tag":').length > 2)).toEqual([]);
    const password = new URL(world.stack.mysqlUrl).password;
    const people = [PERSON.sender, PERSON.userHash, "010-1234-5678", "내 번호는", DEVICE, MAC];
    for (const secret of [password, SECRET.key, SECRET.salt, OPS_TOKEN, signature, ...people]) {
      const at = everything.indexOf(secret);
      expect(at === -1 ? "" : everything.slice(Math.max(0, at - 300), at + 50), secret).toBe("");
    }
  });
});
