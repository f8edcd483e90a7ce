/**
 * `npm run fleet`: many simulated phones of all dialects against a running moa. Each says unique texts to the echo
 * command at a fixed total rate; then every text is accounted for (fleet/verdict.ts says how, key by key).
 *
 * Exit code 0: nothing lost, doubled, reordered, misdirected, and every row there once. 1: something was. 2: no run.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { hasCode, MoaError } from "#common/kernel/errors.ts";
import { Ledger } from "./fleet/ledger.ts";
import { Load } from "./fleet/load.ts";
import { type FleetOptions, readOptions } from "./fleet/options.ts";
import { openStackLedger, type StackLedger } from "./fleet/record.ts";
import { readStackRecord } from "./fleet/stack-record.ts";
import { type Evidence, hasFailed, judge, type LaneTotals, type Verdict } from "./fleet/verdict.ts";

const RECORD_EVERY_MS = 500;
const IDLE_MS_MAX = 5_000;

process.exitCode = await main().catch((error: unknown) => {
  console.error(error instanceof MoaError ? `fleet: ${error.message}` : error);
  return 2;
});

async function main(): Promise<number> {
  const stack = readStackRecord(process.env);
  const options = readOptions(process.argv.slice(2), stack);
  const record = stack.config === null ? null : await openStackLedger(stack.config);
  try {
    const verdict = await run(options, record);
    if (record === null)
      console.log("fleet: databases unknown (MOA_REDIS_URL, MOA_MYSQL_URL): lost and the rows are not judged");
    for (const [name, figure] of Object.entries(verdict)) console.log(`  ${name.padEnd(16)} ${figure ?? "unknown"}`);
    if (options.json) console.log(JSON.stringify(verdict));
    return hasFailed(verdict) ? 1 : 0;
  } finally {
    await record?.close();
  }
}

async function run(options: FleetOptions, record: StackLedger | null): Promise<Verdict> {
  const { bots, rooms, rate, seconds } = options;
  const ledger = new Ledger({ run: randomBytes(4).toString("hex"), texts: Math.ceil(rate * seconds), bots, rooms });
  const load = new Load(options, ledger);
  try {
    const before = record === null ? null : await idle(record);
    console.log(`fleet: ${bots} phones at ${options.host}:${options.ports.join(",")}, ${ledger.shape.texts} texts`);
    await load.connect();
    await load.speak();
    await load.settle();
    const evidence = { ledger, connections: [...load.connections] };
    if (record === null || before === null) return judge({ ...evidence, record: null });
    return await judgeRecord(evidence, { record, before }, options.settleMs);
  } finally {
    await load.close();
  }
}

/** The balance from which this run is counted: of lanes with nothing in flight, else another's traffic is counted as ours. */
async function idle(record: StackLedger): Promise<LaneTotals> {
  const until = performance.now() + IDLE_MS_MAX;
  for (;;) {
    const totals = await record.lanes();
    if (inFlight(totals) === 0) return totals;
    if (performance.now() > until) {
      console.log(
        `fleet: ${inFlight(totals)} events were in flight before the run; the figures may blame this run for them`,
      );
      return totals;
    }
    await sleep(100);
  }
}

/** Rows come after answers, by as long as MySQL was away: what is missing counts once nothing changed for `settleMs`. */
async function judgeRecord(
  evidence: Omit<Evidence, "record">,
  { record, before }: { record: StackLedger; before: LaneTotals },
  settleMs: number,
): Promise<Verdict> {
  let last: Verdict | undefined;
  let changedMs = performance.now();
  for (;;) {
    const verdict = await readRecord(evidence, record, before);
    if (verdict !== null && verdict.lost === 0 && verdict.rows_missing === 0) return verdict;
    if (verdict !== null && JSON.stringify(verdict) !== JSON.stringify(last)) changedMs = performance.now();
    if (performance.now() - changedMs > settleMs) {
      if (verdict === null) throw new MoaError("mysql_unavailable", "the record could not be read");
      return verdict;
    }
    last = verdict ?? last;
    await sleep(RECORD_EVERY_MS);
  }
}

/** Null while a database is away: it may be what this run is about. */
async function readRecord(
  evidence: Omit<Evidence, "record">,
  record: StackLedger,
  before: LaneTotals,
): Promise<Verdict | null> {
  try {
    const after = await record.lanes();
    return judge({ ...evidence, record: { before, after, rows: await record.rows(evidence.ledger) } });
  } catch (error) {
    if (hasCode(error, "mysql_unavailable") || hasCode(error, "redis_unavailable")) return null;
    throw error;
  }
}

function inFlight({ appended, handled, duplicate, refused, parked, expired }: LaneTotals): number {
  return appended - handled - duplicate - refused - parked - expired;
}
