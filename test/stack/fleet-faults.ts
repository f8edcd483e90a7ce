/**
 * `node test/stack/fleet-faults.ts --fault NAME [--messages N] [--rate R] [--bots B] [--down SECONDS] [--times K] --json`:
 * a stack of its own (two gateways, two workers, Redis with AOF, MariaDB), a fleet of phones of all dialects against both
 * gateways, and the fault in the middle of its lines. K rounds on the same stack, one after another, to the first that fails.
 *
 *   stack ──> [ fleet starts ──a share is answered──> strike, repair ──> the fleet's verdict ] x K ──> report
 *
 * A round passes when the fleet does, every line was accepted and its answer shown (but where the fault cut phones off),
 * the fault's facts keep their bounds (faults.ts), and every pod is the process it was, the victim apart.
 * Exit code 0: all rounds passed. 1: one did not. 2: no run.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import type { Stack } from "#scripts/stack/stack.ts";
import { logsOf, ownStack } from "#test/fixtures/own-stack.ts";
import { type Facts, type Fault, type FaultName, faults } from "./faults.ts";
import { answersWritten, until } from "./site.ts";

const ROOT = resolve(import.meta.dirname, "../..");
/** Of the lines, when the fault strikes. */
const SHARE_BEFORE = 0.25;
const START_MS_MAX = 60_000;
/** Beyond the outage, without any sign, what is missing is given up. */
const SETTLE_MARGIN_S = 10;

export interface Plan {
  readonly fault: FaultName;
  readonly messages: number;
  /** Lines a second over all phones. */
  readonly rate: number;
  readonly bots: number;
  readonly downS: number;
  readonly times: number;
}

type Figures = Readonly<Record<string, number | null>>;

interface Round {
  readonly fleet: Figures;
  readonly facts: Facts;
  readonly failed: readonly string[];
}

export interface Report extends Plan {
  readonly verdict: "pass" | "fail";
  readonly failed: readonly string[];
  /** Of all rounds: counts added up, of times the longest. */
  readonly fleet: Figures;
  /** Of all rounds the worst: the least of what has to be, the most of anything else. */
  readonly facts: Facts;
}

/** Boots and removes its stack. A failing run leaves the end of every log on stderr. */
export async function runPlan(plan: Plan, onRound: (round: Round) => void = () => {}): Promise<Report> {
  const own = await ownStack({ gateways: 2, workers: 2 });
  const rounds: Round[] = [];
  try {
    await own.start();
    for (let left = plan.times; left > 0; left--) {
      const round = await runRound(plan, own).catch(brokenOff);
      rounds.push(round);
      onRound(round);
      // The next would begin on a stack that is not whole.
      if (round.failed.length > 0) break;
    }
    const failed = rounds.flatMap((round, i) => round.failed.map((what) => `round ${i + 1}: ${what}`));
    if (failed.length > 0) process.stderr.write(`${logsOf(own.stack)}\n`);
    return { ...plan, verdict: failed.length === 0 ? "pass" : "fail", failed, ...summary(rounds, faults[plan.fault]) };
  } finally {
    await own.remove();
  }
}

function brokenOff(error: Error): Round {
  return { fleet: {}, facts: {}, failed: [error.message] };
}

async function runRound(plan: Plan, { stack, dir }: { stack: Stack; dir: string }): Promise<Round> {
  const fault: Fault = faults[plan.fault];
  const before = pidsOf(stack, fault);
  const answered = await answersWritten(stack);
  const fleet = startFleet(plan, dir);
  try {
    const share = Math.ceil(plan.messages * SHARE_BEFORE);
    await until("a share of the answers", START_MS_MAX, async () => (await answersWritten(stack)) - answered >= share);
    const bots = Array.from({ length: plan.bots }, (_, i) => `fleet-${i}`);
    const facts = await fault.strike({ stack, bots, downMs: plan.downS * 1_000 });
    const verdict = await fleet.verdict;
    const changed = [...pidsOf(stack, fault)].filter(([name, pid]) => before.get(name) !== pid).map(([name]) => name);
    const failed = [
      ...faultsOfFleet(verdict, fault),
      ...bounds(facts, fault),
      ...changed.map((name) => `${name} is not the process it was`),
    ];
    return { fleet: verdict.figures, facts, failed };
  } finally {
    fleet.kill();
  }
}

interface FleetEnd {
  readonly code: number | null;
  readonly figures: Figures;
}

function startFleet({ messages, rate, bots, downS }: Plan, dir: string) {
  const load = ["--bots", `${bots}`, "--rate", `${rate}`, "--seconds", `${messages / rate}`];
  const args = ["scripts/fleet.ts", ...load, "--settle", `${downS + SETTLE_MARGIN_S}`, "--json"];
  const env = { ...process.env, MOA_DATA_DIR: dir };
  const child = spawn(process.execPath, args, { cwd: ROOT, env, stdio: ["ignore", "pipe", "inherit"] });
  const parts: Buffer[] = [];
  child.stdout.on("data", (part: Buffer) => parts.push(part));
  const ended = once(child, "close") as Promise<[number | null]>;
  const verdict = ended.then(([code]): FleetEnd => {
    const output = Buffer.concat(parts).toString();
    const last = output.trimEnd().split("\n").at(-1) ?? "";
    if (!last.startsWith("{")) throw new Error(`the fleet gave no verdict (exit code ${code}):\n${output}`);
    return { code, figures: JSON.parse(last) as Figures };
  });
  // Heard by the round when it gets there; a strike that failed before it speaks for both.
  verdict.catch(() => {});
  return { verdict, kill: () => void child.kill("SIGKILL") };
}

function faultsOfFleet({ code, figures }: FleetEnd, fault: Fault): string[] {
  const failed = code === 0 ? [] : [`the fleet ended with exit code ${code}`];
  if (fault.cutsPhones) return failed;
  const { sent, answered, not_accepted, unshown } = figures;
  if (answered !== sent) failed.push(`${answered} of ${sent} lines answered`);
  if (not_accepted !== 0) failed.push(`${not_accepted} lines not accepted`);
  if (unshown !== 0) failed.push(`${unshown} answers not shown though no phone was cut off`);
  return failed;
}

function bounds(facts: Facts, { least = {}, most = {} }: Fault): string[] {
  const figure = (name: string) => facts[name] ?? Number.NaN;
  const tooLittle = Object.entries(least).filter(([name, bound]) => !(figure(name) >= bound));
  const tooMuch = Object.entries(most).filter(([name, bound]) => !(figure(name) <= bound));
  return [
    ...tooLittle.map(([name, bound]) => `void: ${name} is ${figure(name)}, at least ${bound} proves the fault`),
    ...tooMuch.map(([name, bound]) => `${name} is ${figure(name)}, at most ${bound}`),
  ];
}

function summary(rounds: readonly Round[], { least = {} }: Fault): Pick<Report, "fleet" | "facts"> {
  const longest = new Set(["p50_ms", "p99_ms"]);
  const fleet = merged(
    rounds.map((round) => round.fleet),
    (name, a, b) => {
      if (a === null || b === null) return null;
      return longest.has(name) ? Math.max(a, b) : a + b;
    },
  );
  const facts = merged(
    rounds.map((round) => round.facts),
    (name, a, b) => (name in least ? Math.min(a, b) : Math.max(a, b)),
  );
  return { fleet, facts };
}

function merged<T>(
  all: readonly Readonly<Record<string, T>>[],
  merge: (name: string, a: T, b: T) => T,
): Record<string, T> {
  const into: Record<string, T> = {};
  for (const [name, value] of all.flatMap((one) => Object.entries(one))) {
    into[name] = name in into ? merge(name, into[name] as T, value) : value;
  }
  return into;
}

/** Of all parts but the victim; a part that died on its own has none. */
function pidsOf(stack: Stack, fault: Fault): ReadonlyMap<string, number | undefined> {
  const victim = fault.victim?.(stack);
  return new Map(stack.children.filter((child) => child !== victim).map((child) => [child.name, child.pid]));
}

function readPlan(args: readonly string[]): Plan | string {
  const text = (value: string) => ({ type: "string", default: value }) as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      fault: { type: "string" },
      messages: text("2000"),
      rate: text("250"),
      bots: text("60"),
      down: text("5"),
      times: text("1"),
      json: { type: "boolean" },
    },
  });
  if (values.fault === undefined || !Object.hasOwn(faults, values.fault))
    return `--fault: one of ${Object.keys(faults).join(", ")}`;
  const numbers = [values.messages, values.rate, values.bots, values.down, values.times].map(Number);
  if (numbers.some((number) => !(number > 0))) return "--messages, --rate, --bots, --down and --times are above 0";
  const [messages, rate, bots, downS, times] = numbers as [number, number, number, number, number];
  // Else the fault is over, or its end is, when nobody speaks.
  if ((messages * (1 - SHARE_BEFORE)) / rate < downS)
    return "the lines must outlast the fault: more of them, or slower";
  return { fault: values.fault as FaultName, messages, rate, bots, downS, times };
}

async function main(): Promise<number> {
  const plan = readPlan(process.argv.slice(2));
  if (typeof plan === "string") {
    process.stderr.write(`${plan}\n`);
    return 2;
  }
  const report = await runPlan(plan, (round) => process.stderr.write(`${plan.fault}: ${JSON.stringify(round)}\n`));
  process.stdout.write(`${JSON.stringify(report)}\n`);
  return report.verdict === "pass" ? 0 : 1;
}

if (import.meta.main) process.exitCode = await main();
