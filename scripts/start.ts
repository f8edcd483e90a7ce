/**
 * `npm start`: the whole of moa on this machine, with one conversation as its proof where phones are let in unasked. Prints
 * what runs where and, when it is ready, one JSON line for scripts; runs until Ctrl-C, SIGTERM or the death of a part.
 *
 *   npm start -- [--gateways N] [--workers N] [--port P] [--host ADDRESS] [--mode test|prod] [--insecure]
 */
import { relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type Config, describeConfig, loadConfig } from "#common/config/load.ts";
import type { ConfigSources } from "#common/config/sources.ts";
import { MoaError } from "#common/kernel/errors.ts";
import { converse } from "./stack/conversation.ts";
import { DataDir } from "./stack/data-dir.ts";
import { isFree } from "./stack/free-port.ts";
import { exchangeText, NEXT_STEPS, NO_EXCHANGE, pictureOf } from "./stack/picture.ts";
import { DEVELOPMENT } from "./stack/pod.ts";
import { Stack } from "./stack/stack.ts";
import { stateOf, writeState } from "./stack/state.ts";

const PODS_MAX = 16;
/** A person who pressed Ctrl-C waits no longer; what then still runs is killed and the exit code is 1. */
const STOP_MS_MAX = 9_000;

const USAGE =
  "usage: npm start -- [--gateways N] [--workers N] [--port P] [--host ADDRESS] [--mode test|prod] [--insecure]";

interface Wishes {
  readonly gateways: number;
  readonly workers: number;
  readonly config: Config;
  /** Servers that somebody named: MOA_REDIS_*, MOA_MYSQL_URL. The others are ours to start. */
  readonly servers: Readonly<Record<string, string>>;
}

/** Resolves with the exit code that the first cause to stop asks for. */
const ending = Promise.withResolvers<number>();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => ending.resolve(0));

process.exitCode = await main().catch((error: unknown) => {
  reportFailure(error);
  return 1;
});

async function main(): Promise<number> {
  const wishes = wishesOf(process.argv.slice(2));
  const data = await DataDir.claim(process.env.MOA_DATA_DIR || ".data");
  try {
    return await run(await prepare(wishes, data.path), wishes.config, data.path);
  } finally {
    data.release();
  }
}

async function prepare({ gateways, workers, config, servers }: Wishes, dir: string): Promise<Stack> {
  const { host, bridgePort, keyPrefix, insecure } = config;
  if (bridgePort !== 0 && !(await isFree(bridgePort, host))) {
    const way = "stop what listens there, or choose another: npm start -- --port 1491 (0 = any free one)";
    throw new MoaError("config_invalid", `port ${bridgePort} of ${host} is taken; ${way}`);
  }
  // Only phones must know their port beforehand: that of the metrics gives way unless somebody asked for it.
  const isOpsPortWanted = Boolean(process.env.MOA_OPS_PORT) || (await isFree(config.opsPort, host));
  console.log("moa: starting (the first time takes a few seconds) ...");
  return Stack.prepare({
    dir,
    gateways,
    workers,
    bridgePort,
    opsPort: isOpsPortWanted ? config.opsPort : 0,
    database: new URL(config.mysqlUrl).pathname.slice(1),
    env: { ...process.env, MOA_HOST: host, MOA_KEY_PREFIX: keyPrefix, MOA_INSECURE: `${insecure}`, ...servers },
    onDeath: (report) => {
      console.error(`\nmoa: ${report}`);
      ending.resolve(1);
    },
  });
}

async function run(stack: Stack, config: Config, dataDir: string): Promise<number> {
  let code = 1;
  try {
    await Promise.race([stack.start().then(() => present(stack, config, dataDir)), ending.promise]);
    code = await ending.promise;
  } catch (error) {
    reportFailure(error);
  }
  console.error("\nmoa: stopping ...");
  return (await hasStopped(stack)) ? code : 1;
}

/** Shows that it works, then says so: to a person, to the tools that read stack.json, and to scripts. */
async function present(stack: Stack, config: Config, dataDir: string): Promise<void> {
  const { host, keyPrefix, approval, hmac } = config;
  const state = stateOf(stack, host, keyPrefix);
  // A phone that nobody approved and that has no key gets no answer: there is nothing to show yet.
  const isOpen = approval === "auto" && hmac === "warn";
  const proof = isOpen ? exchangeText(await converse(state.host, state.ports.bridge)) : NO_EXCHANGE;
  console.log(pictureOf(stack, host, shortest(dataDir)));
  console.log(proof);
  console.log(NEXT_STEPS);
  writeState(dataDir, state);
  console.log(JSON.stringify({ ready: true, ports: state.ports, pids: { start: process.pid, ...state.pids } }));
}

/** False when something had to be killed. */
async function hasStopped(stack: Stack): Promise<boolean> {
  const late = new AbortController();
  const deadline = sleep(STOP_MS_MAX, false, { signal: late.signal }).catch(() => true);
  const isClean = await Promise.race([stack.stop().then(() => true), deadline]);
  late.abort();
  if (isClean) return true;
  console.error(`moa: not stopped within ${STOP_MS_MAX} ms; killing the rest`);
  await Promise.all(stack.children.map((child) => child.kill()));
  return false;
}

function wishesOf(argv: readonly string[]): Wishes {
  try {
    const text = { type: "string" } as const;
    const { values } = parseArgs({
      args: [...argv],
      options: { gateways: text, workers: text, port: text, host: text, mode: text, insecure: { type: "boolean" } },
    });
    const flags = (["port", "host", "mode"] as const).flatMap((name) =>
      values[name] ? [`--${name}=${values[name]}`] : [],
    );
    if (values.insecure) flags.push("--insecure");
    const sources = { env: { ...DEVELOPMENT, ...process.env }, argv: flags };
    const config = loadConfig(sources);
    return {
      gateways: countOf("gateways", values.gateways),
      workers: countOf("workers", values.workers),
      config,
      servers: serversNamed(sources, config),
    };
  } catch (error) {
    if (error instanceof MoaError) throw error;
    throw new MoaError("config_invalid", `${(error as Error).message}\n${USAGE}`, { cause: error });
  }
}

/** In whichever source they are named. */
function serversNamed(sources: ConfigSources, config: Config): Readonly<Record<string, string>> {
  const named = describeConfig(sources).filter(({ from }) => from !== "default");
  return Object.fromEntries(
    named.flatMap(({ setting, variable }) =>
      setting.startsWith("redis") || setting === "mysqlUrl" ? [[variable, String(config[setting])]] : [],
    ),
  );
}

function countOf(name: string, given = "1"): number {
  const count = Number(given);
  if (Number.isInteger(count) && count >= 1 && count <= PODS_MAX) return count;
  throw new MoaError("config_invalid", `--${name} must be a whole number from 1 to ${PODS_MAX}\n${USAGE}`);
}

function shortest(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith("..") ? path : fromHere;
}

function reportFailure(error: unknown): void {
  console.error(error instanceof MoaError ? `\nmoa cannot start: ${error.message}` : error);
}
