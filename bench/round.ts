/** One variant, once: boot, warm up, measure at saturation, measure at a fixed rate, account for every line, stop. */
import { setTimeout as sleep } from "node:timers/promises";
import { limits } from "#common/contract/limits.ts";
import { type Bed, countRows, cpuUs, newestRow } from "./bed.ts";
import type { Balance, Window } from "./load.ts";
import { Load } from "./load-process.ts";
import type { Running, Variant } from "./variant.ts";

export interface RoundOptions {
  readonly seconds: number;
  /** Lines a second of the second measurement. */
  readonly rate: number;
  readonly sockets: number;
}

export interface Measured {
  readonly msgsPerS: number;
  /** Microseconds of CPU per answered line, by role. */
  readonly cpuUs: Readonly<Record<string, number>>;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Share of the window's chat-log rows that were still to be written at its end, and were not at its start. */
  readonly rowLag: number;
}

export interface Round {
  readonly saturation: Measured;
  /** Null of a variant that keeps no rows: it only calibrates. */
  readonly fixed: (Measured & { readonly rate: number }) | null;
  readonly balance: Balance;
  /** Rows beyond or short of two for each line. */
  readonly rowsOff: number;
}

/**
 * What a pod does for all its life but the first seconds is measured: V8 is warm, lanes have found their owner, and the
 * row writer is past the lines that it looks up because Redis may have lost them before it began (limits.clockSkewMsMax).
 */
const WARM_UP_MS = limits.clockSkewMsMax + 3_000;
const SETTLE_MS = 500;
const ROWS_MS_MAX = 20_000;
const POLL_MS = 20;
/** The line and its answer. */
const ROWS_PER_LINE = 2;

export async function roundOf(
  variant: Variant,
  bed: Bed,
  { round, ...options }: RoundOptions & { round: number },
): Promise<Round> {
  const running = await variant.boot(bed, round);
  const load = new Load();
  try {
    // Five digits of the clock: unlike those of any round that a pod could still remember.
    const run = 10_000 + (Math.trunc(Date.now() / 1_000) % 90_000);
    await load.order({
      step: "connect",
      port: running.port,
      first: 0,
      sockets: options.sockets,
      mark: variant.mark,
      run,
    });
    await load.order(variant.load);
    await sleep(WARM_UP_MS);
    const saturation = await measure(load, running, options.seconds);
    let fixed: Round["fixed"] = null;
    if (running.mysqlUrl !== null) {
      // Rows that the saturation left behind are no part of the fixed rate.
      await rowsOff(running, (await load.order<Balance>({ step: "balance" })).answered);
      await load.order({ step: "pace", rate: options.rate });
      await sleep(SETTLE_MS);
      fixed = { rate: options.rate, ...(await measure(load, running, options.seconds)) };
    }
    const balance = await load.order<Balance>({ step: "balance" });
    return { saturation, fixed, balance, rowsOff: await rowsOff(running, balance.answered) };
  } finally {
    load.end();
    await running.stop();
  }
}

/**
 * What the window's lines cost until the last of their rows is written. A row writer may fall behind under load, and
 * what it then owes is neither cheap nor fast, only late: so the measurement lasts until no more is owed than was at
 * its begin.
 */
async function measure(load: Load, { accounts, mysqlUrl }: Running, seconds: number): Promise<Measured> {
  const roles = Object.entries(accounts);
  const rows = () => (mysqlUrl === null ? Promise.resolve(0) : newestRow(mysqlUrl));
  const due = (lines: number) => (mysqlUrl === null ? 0 : lines * ROWS_PER_LINE);
  const rowsBefore = await rows();
  const heardBefore = await load.order<number>({ step: "begin" });
  const beganMs = performance.now();
  const before = await Promise.all(roles.map(([, account]) => cpuUs(account)));
  await sleep(seconds * 1_000);
  const rowsInTime = (await rows()) - rowsBefore;
  const { answered, p50Ms, p99Ms } = await load.order<Window>({ step: "end" });
  // Below zero while rows are faster than answers: then nothing may be owed at the end.
  const owedBefore = Math.max(0, due(heardBefore) - rowsBefore);
  const untilMs = performance.now() + ROWS_MS_MAX;
  while (due(heardBefore + answered) - (await rows()) > owedBefore && performance.now() < untilMs) await sleep(POLL_MS);
  const after = await Promise.all(roles.map(([, account]) => cpuUs(account)));
  const tookS = (performance.now() - beganMs) / 1_000;
  const spent = roles.map(([role], i) => [role, ((after[i] as number) - (before[i] as number)) / answered]);
  const rowLag = mysqlUrl === null ? 0 : Math.max(0, 1 - rowsInTime / due(answered));
  return { msgsPerS: answered / tookS, cpuUs: Object.fromEntries(spent), p50Ms, p99Ms, rowLag };
}

/** Rows beyond or short of two for each answered line, once they had their time to come. */
async function rowsOff({ mysqlUrl }: Running, answered: number): Promise<number> {
  if (mysqlUrl === null) return 0;
  const due = answered * ROWS_PER_LINE;
  const untilMs = performance.now() + ROWS_MS_MAX;
  while ((await countRows(mysqlUrl)) < due && performance.now() < untilMs) await sleep(POLL_MS * 5);
  return (await countRows(mysqlUrl)) - due;
}
