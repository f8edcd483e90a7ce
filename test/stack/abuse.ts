/**
 * `node test/stack/abuse.ts [--size full] --json`: what abuse costs the others. A stack of its own with one gateway; honest
 * phones at a fixed rate, and in every round first alone, then beside three processes of abusers (abuser-child.ts):
 * slow-loris sockets, phones that never read, and a flood of garbage.
 *
 *   stack ──> honest phones ──> [ quiet ──> the abusers at a sink ──> the abusers at the gateway ] x rounds ──> report
 *                                          (control window)          (loud window)
 *
 * Whoever abuses a pod elsewhere has machines of his own; here he takes the processors that the stack runs on, whomever he
 * dials. So the same abusers first dial a sink (sink-child.ts), another process, and what the honest phones' p99 is then is
 * what this machine makes of it without the gateway being abused at all. Judged is how many times as long it is with the
 * gateway abused; the quiet figure, and the ratio to it, are printed beside it.
 *
 * Passes when the honest lose nothing and that ratio stays below a bound (the median over the rounds: all windows share a
 * machine with whatever else runs on it), when the gateway's memory stays below its own, and when the abuse was seen to
 * bite, at the sink as well. Exit code 0: passed. 1: not. 2: no run.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { Pod } from "#scripts/stack/pod.ts";
import { logsOf, ownStack } from "#test/fixtures/own-stack.ts";
import type { Balance, Window } from "../../bench/load.ts";
import { Load } from "../../bench/load-process.ts";
import type { AbuserPlan, AbuserTally } from "./abuser-child.ts";
import { memoryOf, metricOf, until } from "./site.ts";

export interface AbusePlan {
  readonly honest: number;
  /** Honest lines a second. */
  readonly rate: number;
  readonly loris: number;
  readonly neverReading: number;
  readonly floodPerSecond: number;
  readonly floodSockets: number;
  readonly rounds: number;
  readonly quietS: number;
  readonly loudS: number;
  readonly ratioMax: number;
}

export const abuseSizes = {
  /** A few seconds on a machine that does other things as well: a ratio that only tells of a pod that was taken away. */
  short: {
    honest: 60,
    rate: 120,
    loris: 150,
    neverReading: 30,
    floodPerSecond: 5_000,
    floodSockets: 10,
    rounds: 1,
    quietS: 3,
    loudS: 8,
    ratioMax: 10,
  },
  full: {
    honest: 500,
    rate: 250,
    loris: 1_000,
    neverReading: 200,
    floodPerSecond: 50_000,
    floodSockets: 50,
    rounds: 3,
    quietS: 15,
    loudS: 40,
    ratioMax: 3,
  },
} as const satisfies Record<string, AbusePlan>;

/** A window beside abusers. */
interface Beside {
  readonly window: Window;
  readonly floodPerSecond: number;
}

interface Round {
  readonly quiet: Window;
  readonly control: Beside;
  readonly loud: Beside;
}

export interface AbuseReport {
  readonly verdict: "pass" | "fail";
  readonly failed: readonly string[];
  readonly quiet_p99_ms: readonly number[];
  readonly control_p99_ms: readonly number[];
  readonly loud_p99_ms: readonly number[];
  /** Loud to control: what is judged. */
  readonly p99_ratio: number;
  readonly p99_ratio_to_quiet: number;
  readonly gateway_rss_mib: number;
  readonly flood_per_s: number;
  readonly frame_errors: number;
  readonly closed: Readonly<Record<string, number>>;
  readonly honest: Balance;
}

const RSS_MIB_MAX = 300;
const WARM_MS = 3_000;
const SAMPLE_MS = 200;
const BITE_MS_MAX = 20_000;
/** Of the flood that was ordered, what has to be sent. */
const FLOOD_SHARE = 0.9;
/** Of the other abusers, who have to be there: those that are ended at once, or after ten seconds, are away for four. */
const ALL_SHARE = 0.7;
/** How the abusers end, and what of the loud time it takes at least until the first of them does. */
const CLOSES: readonly [reason: string, afterS: number][] = [
  ["flood", 15],
  ["handshake_timeout", 15],
  ["write_stalled", 30],
  ["held_bytes", 30],
  ["line_timeout", 30],
];

/** Boots and removes its stack. A failing run leaves the end of every log on stderr. */
export async function runAbuse(plan: AbusePlan): Promise<AbuseReport> {
  const own = await ownStack();
  const load = new Load();
  try {
    await own.start();
    const [gateway] = own.stack.gateways as [Pod];
    const port = gateway.ports.bridge as number;
    const phones = { first: 0, sockets: plan.honest, mark: "에코: ", run: 10_000 };
    await load.order({ step: "connect", port, ...phones });
    await windowOf(load, plan.rate, WARM_MS);
    const memory = sampled(gateway);
    const rounds: Round[] = [];
    for (let left = plan.rounds; left > 0; left--) rounds.push(await runRound(plan, load, gateway));
    const report = await reportOf(plan, rounds, { gateway, rssMib: memory.most(), load });
    if (report.verdict === "fail") process.stderr.write(`${logsOf(own.stack)}\n`);
    return report;
  } finally {
    load.end();
    await own.remove();
  }
}

async function runRound(plan: AbusePlan, load: Load, gateway: Pod): Promise<Round> {
  const quiet = await windowOf(load, plan.rate, plan.quietS * 1_000);
  const abusers = plan.loris + plan.neverReading;
  const control = await withSink(({ port, open }) =>
    beside(plan, { port, load, seconds: plan.quietS, there: async () => (await open()) >= ALL_SHARE * abusers }),
  );
  const there = async () => (await metricOf([gateway], "moa_connections")) >= plan.honest + ALL_SHARE * abusers;
  const loud = await beside(plan, { port: gateway.ports.bridge as number, load, seconds: plan.loudS, there });
  return { quiet, control, loud };
}

interface Sink {
  readonly port: number;
  /** Connections that it has. */
  open(): Promise<number>;
}

async function withSink<T>(use: (sink: Sink) => Promise<T>): Promise<T> {
  const sink = fork(join(import.meta.dirname, "sink-child.ts"));
  try {
    return await use({ port: await answerOf<number>(sink), open: () => answerOf(sink, "tally") });
  } finally {
    await ended(sink);
  }
}

interface Place {
  readonly port: number;
  readonly load: Load;
  readonly seconds: number;
  /** Most of the abusers are. */
  there(): Promise<boolean>;
}

async function beside(plan: AbusePlan, { port, load, seconds, there }: Place): Promise<Beside> {
  const abusers = abusersOf(plan, port);
  const flood = abusers.at(-1) as ChildProcess;
  const frames = async () => (await answerOf<AbuserTally>(flood, "tally")).frames;
  try {
    await until("the abusers", BITE_MS_MAX, there);
    const [framesBefore, startedMs] = [await frames(), performance.now()];
    const window = await windowOf(load, plan.rate, seconds * 1_000);
    const sent = (await frames()) - framesBefore;
    return { window, floodPerSecond: Math.round((sent * 1_000) / (performance.now() - startedMs)) };
  } finally {
    await Promise.all(abusers.map(ended));
  }
}

async function windowOf(load: Load, rate: number, ms: number): Promise<Window> {
  await load.order({ step: "pace", rate });
  await load.order({ step: "begin" });
  await sleep(ms);
  return load.order<Window>({ step: "end" });
}

/** The flood is the last of them. */
function abusersOf(plan: AbusePlan, port: number): readonly ChildProcess[] {
  const seconds = plan.loudS + 60;
  const plans: readonly AbuserPlan[] = [
    { kind: "loris", port, sockets: plan.loris, perSecond: 0, seconds },
    { kind: "never-reading", port, sockets: plan.neverReading, perSecond: 0, seconds },
    { kind: "flood", port, sockets: plan.floodSockets, perSecond: plan.floodPerSecond, seconds },
  ];
  return plans.map((one) => fork(join(import.meta.dirname, "abuser-child.ts"), [JSON.stringify(one)]));
}

/** What a child says next; it is asked first, if anything. */
async function answerOf<T>(child: ChildProcess, question?: "tally"): Promise<T> {
  const answer = once(child, "message", { signal: AbortSignal.timeout(BITE_MS_MAX) });
  if (question !== undefined) child.send(question);
  return ((await answer) as [T])[0];
}

async function ended(abuser: ChildProcess): Promise<void> {
  const exit = once(abuser, "exit");
  if (abuser.kill("SIGKILL")) await exit;
}

/** Read while it runs: a peak between two readings of a second would not be seen. */
function sampled(gateway: Pod): { most(): number } {
  let most = memoryOf(gateway);
  const timer = setInterval(() => {
    most = Math.max(most, memoryOf(gateway));
  }, SAMPLE_MS);
  return {
    most: () => {
      clearInterval(timer);
      return Math.round(most);
    },
  };
}

interface Seen {
  readonly gateway: Pod;
  readonly rssMib: number;
  readonly load: Load;
}

async function reportOf(plan: AbusePlan, rounds: readonly Round[], seen: Seen): Promise<AbuseReport> {
  const { gateway, rssMib, load } = seen;
  const honest = await load.order<Balance>({ step: "balance" });
  const closed: Record<string, number> = {};
  for (const [reason] of CLOSES) {
    closed[reason] = await metricOf([gateway], "moa_connections_closed_total", `reason="${reason}"`);
  }
  const figures = {
    quiet_p99_ms: rounds.map(({ quiet }) => rounded(quiet.p99Ms)),
    control_p99_ms: rounds.map(({ control }) => rounded(control.window.p99Ms)),
    loud_p99_ms: rounds.map(({ loud }) => rounded(loud.window.p99Ms)),
    p99_ratio: rounded(medianOf(rounds.map(({ control, loud }) => loud.window.p99Ms / control.window.p99Ms))),
    p99_ratio_to_quiet: rounded(medianOf(rounds.map(({ quiet, loud }) => loud.window.p99Ms / quiet.p99Ms))),
    gateway_rss_mib: rssMib,
    flood_per_s: Math.min(...rounds.flatMap(({ control, loud }) => [control.floodPerSecond, loud.floodPerSecond])),
    frame_errors: await metricOf([gateway], "moa_frame_errors_total"),
    closed,
    honest,
  };
  const failed = faultsOf(plan, figures);
  return { verdict: failed.length === 0 ? "pass" : "fail", failed, ...figures };
}

function faultsOf(plan: AbusePlan, figures: Omit<AbuseReport, "verdict" | "failed">): string[] {
  const { p99_ratio, gateway_rss_mib, flood_per_s, closed, honest } = figures;
  const failed: string[] = [];
  if (!(p99_ratio < plan.ratioMax)) failed.push(`the honest p99 is ${p99_ratio} times that of the control`);
  if (gateway_rss_mib >= RSS_MIB_MAX) failed.push(`the gateway took ${gateway_rss_mib} MiB`);
  for (const what of ["lost", "doubled", "reordered"] as const) {
    if (honest[what] > 0) failed.push(`${honest[what]} honest lines ${what}`);
  }
  if (flood_per_s < FLOOD_SHARE * plan.floodPerSecond) failed.push(`void: only ${flood_per_s} frames a second`);
  for (const [reason, afterS] of CLOSES) {
    if (plan.loudS >= afterS && !closed[reason]) failed.push(`void: nobody was ended as ${reason}`);
  }
  return failed;
}

function medianOf(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { size: { type: "string", default: "short" }, json: { type: "boolean" } } });
  if (!Object.hasOwn(abuseSizes, values.size)) {
    process.stderr.write(`--size: one of ${Object.keys(abuseSizes).join(", ")}\n`);
    return 2;
  }
  const report = await runAbuse(abuseSizes[values.size as keyof typeof abuseSizes]);
  process.stdout.write(`${JSON.stringify(report)}\n`);
  return report.verdict === "pass" ? 0 : 1;
}

if (import.meta.main) process.exitCode = await main();
