/**
 * `npm run accept [-- NAME ...]`: the full figures that `npm test` has no time for, hours in all. Each entry is a command
 * whose last line of output is one JSON object. What passed on this commit is not run again, so an interrupted run goes
 * on where it was; an entry that is named is run in any case. docs/measurements.md is written after every entry.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { Stack } from "./stack/stack.ts";
import { stateOf, writeState } from "./stack/state.ts";

interface Entry {
  readonly name: string;
  readonly says: string;
  /** Run by node; `--json` is in it. */
  readonly command: readonly string[];
  /** Runs beside a stack of its own, which it finds by MOA_DATA_DIR. */
  readonly stack?: { readonly gateways: number; readonly workers: number };
}

const SEED = "1";

/** On a stack that the program boots itself. Slower lines where they must outlast a longer outage. */
function fault(name: string, says: string, ...more: readonly string[]): Entry {
  const size = ["--messages", "20000", ...(more.length > 0 ? more : ["--rate", "400", "--bots", "200"])];
  return { name: `fault-${name}`, says, command: ["test/stack/fleet-faults.ts", "--fault", name, ...size, "--json"] };
}

const STOPPED_30_S = ["--rate", "400", "--bots", "200", "--down", "30"];
const AWAY_60_S = ["--rate", "200", "--bots", "200", "--down", "60"];
/** Few phones, so that each says more than its connection may hold unappended. */
const AWAY_60_S_OFTEN = ["--rate", "200", "--bots", "24", "--down", "60", "--times", "20"];

function chaos(name: string, says: string, ...more: readonly string[]): Entry {
  return { name, says, command: ["scripts/chaos.ts", "--seed", SEED, ...more, "--json"] };
}

const GATEWAY_STOPPED_60_S = [
  "--scenario",
  "gateway-stopped",
  "--topology",
  "single",
  "--stopped",
  "60",
  "--times",
  "3",
];
/** Two gateways with 5,000 phones each. */
const LARGE = ["--topology", "single", "--bots", "1", "--crowd", "5000", "--times", "3", "--minutes", "1"];
const REDIS_30_TIMES = ["--scenario", "redis-restart,redis-kill,primary-killed", "--times", "30"];

const entries: readonly Entry[] = [
  {
    name: "sim",
    says: "10,000 seeds of the simulation hold every promise",
    command: ["test/sim/main.ts", "--seed", SEED, "--runs", "10000", "--json"],
  },
  {
    name: "fleet",
    says: "20,000 lines of 200 phones of all dialects are answered once and in order",
    command: ["scripts/fleet.ts", "--bots", "200", "--rate", "400", "--seconds", "50", "--json"],
    stack: { gateways: 2, workers: 2 },
  },
  fault("worker-kill", "kill -9 of a worker among 20,000 lines"),
  fault("worker-stop", "SIGSTOP of a worker for 30 s, and its waking", ...STOPPED_30_S),
  fault("worker-disowned", "A worker that does not know that it was declared dead is fenced at every sink"),
  fault("gateway-kill", "kill -9 of a gateway"),
  fault("redis-kill", "kill -9 of Redis, which comes back with its AOF after 1 s"),
  fault("redis-term", "A restart of Redis with its AOF"),
  fault("mariadb-kill", "kill -9 of MariaDB, which comes back after 2 s"),
  fault("mariadb-away", "MariaDB away for 60 s: answers go on, all rows arrive once", ...AWAY_60_S),
  fault("redis-away", "Redis away for 60 s, 20 times in a row: never stuck", ...AWAY_60_S_OFTEN),
  chaos("chaos", "Every kind of fault at least five times", "--scenario", "all", "--times", "5", "--minutes", "20"),
  chaos("chaos-gateway-stopped", "SIGSTOP of a gateway for 60 s under load, and its waking", ...GATEWAY_STOPPED_60_S),
  chaos(
    "chaos-gateway-drained",
    "5,000 connections of a gateway are drained",
    "--scenario",
    "gateways-rolling",
    ...LARGE,
  ),
  chaos("chaos-gateway-killed", "kill -9 of a gateway with 5,000 phones", "--scenario", "gateway-kill", ...LARGE),
  chaos("chaos-redis", "120 restarts and failovers of Redis", ...REDIS_30_TIMES),
  {
    name: "rolling",
    says: "Every gateway and worker is replaced under 500 lines a second, as a Deployment does it",
    command: ["test/ops/rolling.ts", "--rate", "500", "--bots", "200", "--seconds", "90", "--json"],
  },
  {
    name: "fuzz",
    says: "100,000 frames of every sort through framer and decoder: no crash, no growth",
    command: ["test/fuzz/frames.ts", "--frames", "100000", "--seed", SEED, "--json"],
  },
  {
    name: "takeovers",
    says: "1,000 random interleavings of a device's connections on two gateways: its newest one is answered",
    command: ["test/stack/takeovers.ts", "--interleavings", "1000", "--seed", SEED, "--json"],
  },
  {
    name: "storm",
    says: "10,000 phones that dial in one second after a kill -9 of their gateway are all served",
    command: ["test/stack/storm.ts", "--phones", "10000", "--json"],
  },
  {
    name: "abuse",
    says: "1,000 slow-loris sockets, 200 phones that never read and 50,000 garbage frames a second beside 500 honest phones",
    command: ["test/stack/abuse.ts", "--size", "full", "--json"],
  },
  {
    name: "bench-echo",
    says: "Throughput, CPU and p99 against the floor",
    command: ["bench/main.ts", "echo", "--json"],
  },
  {
    name: "bench-tracing",
    says: "Traces of 1 % of the lines cost at most 5 % CPU per line",
    command: ["bench/main.ts", "tracing", "--rounds", "9", "--json"],
  },
];

interface Measurement {
  readonly isPassed: boolean;
  readonly commit: string;
  readonly machine: string;
  readonly seed: string;
  readonly endedAt: string;
  readonly minutes: number;
  /** The command's JSON object, or its last words. */
  readonly result: unknown;
}

type State = Record<string, Measurement>;

const ROOT = resolve(import.meta.dirname, "..");
const STATE_FILE = join(ROOT, ".data", "accept.json");

process.exitCode = await main(process.argv.slice(2));

async function main(names: readonly string[]): Promise<number> {
  const unknown = names.filter((name) => !entries.some((entry) => entry.name === name));
  if (unknown.length > 0) {
    console.error(`no entry ${unknown.join(", ")}; there are ${entries.map((entry) => entry.name).join(", ")}`);
    return 2;
  }
  const state: State = existsSync(STATE_FILE) ? (JSON.parse(readFileSync(STATE_FILE, "utf8")) as State) : {};
  const commit = commitNow();
  for (const entry of entries) {
    const before = state[entry.name];
    const isDone = before?.isPassed === true && before.commit === commit && !commit.endsWith("+");
    if (names.length > 0 ? !names.includes(entry.name) : isDone) continue;
    console.log(`${entry.name}: ${entry.says} ...`);
    const measured = await measure(entry, commit);
    state[entry.name] = measured;
    save(state);
    console.log(`${entry.name}: ${measured.isPassed ? "passed" : "FAILED"} after ${measured.minutes} min`);
    console.log(`  ${JSON.stringify(measured.result)}`);
  }
  return entries.every(({ name }) => state[name]?.isPassed && state[name].commit === commit) ? 0 : 1;
}

async function measure(entry: Entry, commit: string): Promise<Measurement> {
  const dir = mkdtempSync(join(tmpdir(), "moa-accept-"));
  const places = { dir, bridgePort: 0, opsPort: 0, env: process.env };
  const stack = entry.stack && (await Stack.prepare({ ...entry.stack, ...places }));
  try {
    await stack?.start();
    if (stack) writeState(dir, stateOf(stack, "127.0.0.1", "moa:"));
    return await measureIn(dir, entry, commit);
  } finally {
    await stack?.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function measureIn(dir: string, { command }: Entry, commit: string): Promise<Measurement> {
  const startedAt = performance.now();
  const env = { ...process.env, MOA_DATA_DIR: dir };
  const run = spawn(process.execPath, command, { cwd: ROOT, env, stdio: ["ignore", "pipe", "inherit"] });
  const parts: Buffer[] = [];
  run.stdout.on("data", (part: Buffer) => parts.push(part));
  const [code] = (await once(run, "close")) as [number | null];
  const result = resultIn(Buffer.concat(parts).toString());
  return {
    // Exit code 0 without the promised object is no measurement.
    isPassed: code === 0 && typeof result === "object",
    commit,
    machine: `${cpus().length} x ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`,
    seed: SEED,
    endedAt: new Date().toISOString(),
    minutes: Math.round((performance.now() - startedAt) / 6_000) / 10,
    result,
  };
}

function resultIn(output: string): unknown {
  const last = output.trimEnd().split("\n").at(-1) ?? "";
  try {
    return JSON.parse(last);
  } catch {
    return last;
  }
}

/** With `+` when the tree differs from it: such a figure cannot be had again. */
function commitNow(): string {
  const git = (...args: string[]) => execFileSync("git", args, { cwd: ROOT }).toString().trim();
  return `${git("rev-parse", "--short=12", "HEAD")}${git("status", "--porcelain", ".", ":!docs/measurements.md") === "" ? "" : "+"}`;
}

function save(state: State): void {
  mkdirSync(join(ROOT, ".data"), { recursive: true });
  writeFileSync(STATE_FILE, JSON.stringify(state, null, 2));
  const parts = entries.flatMap(({ name, says, command }) => {
    const one = state[name];
    if (one === undefined) return [];
    const verdict = `${one.isPassed ? "Passed" : "**Failed**"} in ${one.minutes} min on ${one.endedAt.slice(0, 10)}`;
    const from = `commit \`${one.commit}\`, seed ${one.seed}, ${one.machine}`;
    const figures = `\`\`\`json\n${JSON.stringify(one.result, null, 2)}\n\`\`\``;
    return [`## ${name}`, `${says}: \`node ${command.join(" ")}\``, `${verdict}; ${from}.`, figures];
  });
  const head = "Written by `npm run accept`, which runs the full figures and goes on where it was interrupted.";
  writeFileSync(join(ROOT, "docs", "measurements.md"), `${["# Measurements", head, ...parts].join("\n\n")}\n`);
}
