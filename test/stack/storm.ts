/**
 * `node test/stack/storm.ts --phones 10000 --json`: phones that all come back in one second after a kill -9 of their
 * gateway (S-CONN-11). A stack of its own with one gateway; the phones are those of the benchmarks, each a bot of its own
 * that signs, in processes of 5,000, so that nobody needs more files than a process usually may have open.
 *
 *   phones dial, each says a line ──> kill -9, start ──> all dial at once ──> each says a line ──> report
 *
 * Passes when every one of them is welcomed and answered within a time, nobody is closed, and the gateway's memory never
 * was above its bound. Exit code 0: passed. 1: not. 2: asked wrongly.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { Pod } from "#scripts/stack/pod.ts";
import { logsOf, ownStack } from "#test/fixtures/own-stack.ts";
import type { Balance } from "../../bench/load.ts";
import { Load } from "../../bench/load-process.ts";
import { metricOf } from "./site.ts";

interface StormReport {
  readonly verdict: "pass" | "fail";
  readonly failed: readonly string[];
  readonly phones: number;
  /** From the first dial to the last welcome, and to the last answer. */
  readonly welcomed_ms: number;
  readonly served_ms: number;
  /** Of a phone, from its dial to its welcome. */
  readonly welcome_p50_ms: number;
  readonly welcome_p99_ms: number;
  readonly gateway_peak_mib: number;
  readonly closed: number;
  readonly lost: number;
}

const PHONES_PER_PROCESS = 5_000;
const PHONES_MAX = 15_000;
/** Two processors for the stack and for all the phones: both figures are mostly theirs. */
const SERVED_MS_MAX = 30_000;
const WELCOME_P99_MS_MAX = 20_000;
/** Half of what the chart gives a gateway. */
const PEAK_MIB_MAX = 512;

async function runStorm(phones: number): Promise<StormReport> {
  const own = await ownStack();
  const loads = Array.from({ length: Math.ceil(phones / PHONES_PER_PROCESS) }, () => new Load());
  const all = <T>(step: (load: Load, i: number) => Promise<T>) => Promise.all(loads.map(step));
  try {
    await own.start();
    const [gateway] = own.stack.gateways as [Pod];
    const dial = (run: number, atOnce: number) =>
      all((load, i) => {
        const first = i * PHONES_PER_PROCESS;
        const sockets = Math.min(PHONES_PER_PROCESS, phones - first);
        const port = gateway.ports.bridge as number;
        return load.order<readonly number[]>({ step: "connect", port, first, sockets, mark: "에코: ", run, atOnce });
      });
    /** One line of each, and its answer. */
    const speak = async () => {
      await all((load) => load.order({ step: "begin" }));
      await all((load) => load.order({ step: "saturate", window: 1 }));
      await all((load) => load.order({ step: "end" }));
    };
    await dial(10_000, 64);
    await speak();
    await gateway.child.kill();
    await gateway.child.start();
    const fromMs = performance.now();
    const tookMs = (await dial(10_001, PHONES_PER_PROCESS)).flat().sort((a, b) => a - b);
    const welcomedMs = performance.now() - fromMs;
    await speak();
    const servedMs = performance.now() - fromMs;
    const balances = await all((load) => load.order<Balance>({ step: "balance" }));
    const at = (share: number) => tookMs[Math.floor(tookMs.length * share)] ?? Number.NaN;
    const figures = {
      phones: tookMs.length,
      welcomed_ms: Math.round(welcomedMs),
      served_ms: Math.round(servedMs),
      welcome_p50_ms: at(0.5),
      welcome_p99_ms: at(0.99),
      gateway_peak_mib: peakMemoryOf(gateway),
      closed: await metricOf([gateway], "moa_connections_closed_total"),
      lost: balances.reduce((sum, { lost }) => sum + lost, 0),
    };
    const failed = faultsOf(phones, figures);
    if (failed.length > 0) process.stderr.write(`${logsOf(own.stack)}\n`);
    return { verdict: failed.length === 0 ? "pass" : "fail", failed, ...figures };
  } finally {
    for (const load of loads) load.end();
    await own.remove();
  }
}

function faultsOf(phones: number, figures: Omit<StormReport, "verdict" | "failed">): string[] {
  const bounds: readonly [keyof typeof figures, number][] = [
    ["served_ms", SERVED_MS_MAX],
    ["welcome_p99_ms", WELCOME_P99_MS_MAX],
    ["gateway_peak_mib", PEAK_MIB_MAX],
    ["closed", 0],
    ["lost", 0],
  ];
  const beyond = bounds.filter(([name, most]) => !(figures[name] <= most));
  const failed = beyond.map(([name, most]) => `${name} is ${figures[name]}, not ${most} or less`);
  return figures.phones === phones ? failed : [...failed, `${figures.phones} phones were welcomed`];
}

/** MiB that were resident at most since it was started. */
function peakMemoryOf({ child }: Pod): number {
  return Math.round(Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1]) / 1_024);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { phones: { type: "string", default: "10000" }, json: { type: "boolean" } },
  });
  const phones = Number(values.phones);
  if (!(phones > 0 && phones <= PHONES_MAX)) {
    process.stderr.write(`--phones: 1 to ${PHONES_MAX}\n`);
    return 2;
  }
  const report = await runStorm(phones);
  process.stdout.write(`${JSON.stringify(report)}\n`);
  return report.verdict === "pass" ? 0 : 1;
}

process.exitCode = await main();
