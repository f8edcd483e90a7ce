/**
 * The images, without an engine: the steps of deploy/Dockerfile are done in a folder, with packages from the lock and
 * no others, and what comes out runs as the user that the file names, against a Redis and a MariaDB.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { settingsSchema } from "#common/config/schema.ts";
import { defaultValues } from "#deploy/k8s/values.ts";
import { freePort } from "#scripts/stack/free-port.ts";
import { nodeFlagsOf } from "#scripts/stack/node-flags.ts";
import { type MariaDb, startMariaDb } from "#test/fixtures/mariadb.ts";
import { RawPhone } from "#test/fixtures/raw-phone.ts";
import { type RedisServer, startRedis } from "#test/fixtures/redis.ts";
import manifest from "../../package.json" with { type: "json" };
import packageLock from "../../package-lock.json" with { type: "json" };
import { build, type Image, stagesOf } from "./dockerfile.ts";

interface Lock {
  readonly packages: Readonly<Record<string, { readonly version?: string; readonly dev?: boolean }>>;
}

const ROOT = join(import.meta.dirname, "../..");
const TARGETS = ["gateway", "workers", "migrate", "console"] as const;
const BOT = "image-bot";
/** A container that starts reads all its code first. */
const patience = { timeout: 60_000, interval: 200 };
const TOKEN = "the-token-of-an-image-test";

const lock: Lock = packageLock;
const stages = stagesOf(readFileSync(join(ROOT, "deploy/Dockerfile"), "utf8"));
const images = new Map<string, Image>();
const running: ChildProcess[] = [];
let folder: string;
let redis: RedisServer;
let mariadb: MariaDb;
let env: Readonly<Record<string, string>>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "moa-images-"));
  chmodSync(folder, 0o755);
  const ignored = readFileSync(join(ROOT, ".dockerignore"), "utf8")
    .split("\n")
    .filter((line) => /^[^#]/.test(line));
  const builder = { stages, context: ROOT, ignored, into: folder, bring: bringNode };
  for (const target of TARGETS) build(builder, target, images);
  [redis, mariadb] = await Promise.all([startRedis(), startMariaDb()]);
  env = {
    ...defaultValues.settings,
    MOA_REDIS_URL: redis.url,
    MOA_MYSQL_URL: await mariadb.database("images"),
    MOA_HMAC_KEYS: JSON.stringify({ [BOT]: { keys: [{ key: "a key", salt: "its salt" }], require: false } }),
    MOA_OPS_TOKEN: TOKEN,
  };
});
afterAll(async () => {
  for (const child of running) child.kill("SIGKILL");
  await Promise.all([redis?.stop(), mariadb?.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

/** All that is taken from the images that ours are built on: Node's own has one, the other has nothing that we name. */
function bringNode(image: string, root: string): void {
  if (!image.startsWith("node:")) return;
  mkdirSync(join(root, "usr/local/bin"), { recursive: true });
  copyFileSync(process.execPath, join(root, "usr/local/bin/node"));
}

/** As a container would: its own environment, its own root, its own user where we may choose one. */
function run(name: (typeof TARGETS)[number], more: Readonly<Record<string, string>>, words: readonly string[] = []) {
  const image = images.get(name) ?? expect.fail(`no image ${name}`);
  const [program = "", ...args] = image.entrypoint;
  const [uid = "", gid = ""] = image.user.split(":");
  const as = process.getuid?.() === 0 ? ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups"] : [];
  const [command = "", ...rest] = [...as, join(image.folder, program), ...args, ...words];
  const options = {
    cwd: join(image.folder, image.workdir),
    env: { PATH: process.env.PATH ?? "", ...image.env, ...more },
  };
  return { command, args: rest, options };
}

async function finished(...how: Parameters<typeof run>): Promise<{ code: number; out: string }> {
  const { command, args, options } = run(...how);
  return new Promise((resolve) => {
    execFile(command, args, { ...options, timeout: 60_000 }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out: `${out}${err}` });
    });
  });
}

async function pod(name: "gateway" | "workers"): Promise<{ child: ChildProcess; bridge: number; ops: number }> {
  const [bridge, ops] = [await freePort(), await freePort()];
  const { command, args, options } = run(name, {
    ...env,
    MOA_HOST: "0.0.0.0",
    MOA_BRIDGE_PORT: `${bridge}`,
    MOA_OPS_PORT: `${ops}`,
  });
  const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.on("data", (part: Buffer) => {
    said = (said + part).slice(-5_000);
  });
  running.push(child);
  const ready = async () => {
    const { status } = await fetch(`http://127.0.0.1:${ops}/readyz`);
    if (status !== 200) throw new Error(`${name} is not ready: ${said}`);
  };
  await vi.waitFor(ready, patience).catch((cause: unknown) => {
    throw new Error(`${name} did not get ready: ${said}`, { cause });
  });
  return { child, bridge, ops };
}

describe("what the images hold", () => {
  test("is built with the Node that the project is tested with", () => {
    expect(stages[0]?.from).toBe(`node:${manifest.devDependencies.node}-bookworm-slim`);
  });

  test.each(TARGETS)("%s runs as nobody, by an entry that is there, with the flags of its role", (name) => {
    const { folder: root, workdir, user, entrypoint, env: own, labels } = images.get(name) ?? expect.fail();
    expect(user).toBe("65532:65532");
    const [program = "", ...args] = entrypoint;
    const main = args.at(-1) ?? "";
    expect(existsSync(join(root, program))).toBe(true);
    expect(existsSync(join(root, workdir, main))).toBe(true);
    if (main.endsWith("main.ts") && name !== "console") expect(args.slice(0, -1)).toEqual(nodeFlagsOf(main));
    expect(own.NODE_OPTIONS).toBe("--enable-source-maps --max-old-space-size-percentage=75");
    expect(labels["org.opencontainers.image.version"]).toBe(manifest.version);
  });

  test.each(TARGETS)("%s has no test, and of the packages those of production alone", (name) => {
    const { folder: root, workdir } = images.get(name) ?? expect.fail();
    const files = readdirSync(join(root, workdir), { recursive: true, encoding: "utf8" });
    expect(
      files.filter((path) => !path.startsWith("node_modules/") && /[.]test[.]ts$|transcripts|golden/.test(path)),
    ).toEqual([]);
    const there = JSON.parse(readFileSync(join(root, workdir, "node_modules/.package-lock.json"), "utf8")) as Lock;
    const versions = ({ packages }: Lock) =>
      Object.entries(packages).map(([path, { version }]) => `${path} ${version}`);
    const production = Object.entries(lock.packages).filter(([, { dev }]) => dev !== true);
    expect(versions({ packages: Object.fromEntries(production) })).toEqual(expect.arrayContaining(versions(there)));
    for (const needed of Object.keys(manifest.dependencies)) expect(files, needed).toContain(`node_modules/${needed}`);
  });

  test("no image has the code of another pod", () => {
    const codeOf = (name: string) => {
      const { folder: root, workdir } = images.get(name) ?? expect.fail();
      return readdirSync(join(root, workdir)).filter((one) => !one.startsWith(".") && !one.includes("package"));
    };
    expect(codeOf("gateway").toSorted()).toEqual(["common", "gateway", "node_modules"]);
    expect(codeOf("workers").toSorted()).toEqual(["common", "node_modules", "workers"]);
    expect(codeOf("migrate").toSorted()).toEqual(["common", "node_modules", "workers"]);
    expect(codeOf("console").toSorted()).toEqual(["common", "console", "node_modules"]);
  });

  test("the ports that the gateway opens are exposed", () => {
    const { bridgePort, tlsPort, opsPort } = settingsSchema;
    expect(images.get("gateway")?.exposed).toEqual([bridgePort, tlsPort, opsPort].map((one) => `${one.default}`));
  });
});

describe("what the images do", () => {
  test("migrate fails with one line where there is no MySQL, and says so by its exit code", async () => {
    const { code, out } = await finished("migrate", { MOA_MYSQL_URL: "mysql://moa@127.0.0.1:9/moa" });
    expect(code).toBe(1);
    expect(out).toContain("mysql_unavailable");
  });

  test("migrate needs one setting, migrates once, and has nothing to do a second time", async () => {
    const given = { MOA_MYSQL_URL: env.MOA_MYSQL_URL ?? "" };
    const first = await finished("migrate", given);
    expect(first.out).toContain("0001-chat-logs");
    expect(first.code).toBe(0);
    const second = await finished("migrate", given);
    expect(second.code).toBe(0);
    expect(second.out).not.toContain("0001-chat-logs");
  });

  test("a gateway and a worker get ready, an operator lets a phone in, and it is answered", async () => {
    const [worker, gateway] = await Promise.all([pod("workers"), pod("gateway")]);
    const urls = `dns+http://127.0.0.1:${gateway.ops},http://127.0.0.1:${worker.ops}`;
    const moa = (...words: string[]) => finished("console", { MOA_OPS_URL: urls, MOA_OPS_TOKEN: TOKEN }, words);
    const phone = (await RawPhone.identified(gateway.bridge, BOT)).echoPings();
    const approved = async (...words: string[]) => {
      await vi.waitFor(async () => {
        phone.say("hello");
        const { code, out } = await moa(...words);
        if (code !== 0) throw new Error(out);
      }, patience);
    };
    await approved("devices", "approve", BOT, `device of ${BOT}`);
    await approved("rooms", "approve", BOT, "1001");
    await vi.waitFor(() => {
      phone.say("# echo from an image");
      expect(phone.shown).toContain("에코: from an image");
    }, patience);
    expect((await moa("doctor")).code).toBe(0);
    for (const { child } of [gateway, worker]) {
      child.kill("SIGTERM");
      expect(await once(child, "exit")).toEqual([0, null]);
    }
  });
});
