/**
 * `npm test`: every suite side by side on two cores, what failed shown whole, and as last line `N passed, N failed`.
 * `--quick` runs those of `npm run check`; names run those named. A suite that crashed or ran no test counts as failed.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Suite, suites } from "./suites.ts";

const CORES = 2;
const ROOT = resolve(import.meta.dirname, "..");

interface Result {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
  readonly output: string;
}

interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly unknown[] }[];
}

const reports = mkdtempSync(join(tmpdir(), "moa-test-"));
try {
  process.exitCode = await main(process.argv.slice(2));
} finally {
  rmSync(reports, { recursive: true });
}

async function main(argv: readonly string[]): Promise<number> {
  const names = argv.filter((argument) => argument !== "--quick");
  const unknown = names.filter((name) => !suites.some((suite) => suite.name === name));
  if (unknown.length > 0) {
    console.error(`no suite ${unknown.join(", ")}; there are ${suites.map((suite) => suite.name).join(", ")}`);
    return 2;
  }
  const isQuick = argv.includes("--quick");
  const chosen = suites.filter(
    (suite) => (suite.isQuick || !isQuick) && (names.length === 0 || names.includes(suite.name)),
  );
  console.log(`moa: ${chosen.length} suites at their short sizes (the full figures: npm run accept)`);
  const results = await sideBySide(chosen);
  for (const [suite, { failed, output }] of results) {
    if (failed > 0) console.log(`\n${"=".repeat(30)} ${suite.name} ${"=".repeat(30)}\n${output}`);
  }
  const all = [...results.values()];
  const [passed, failed] = [sum(all.map((one) => one.passed)), sum(all.map((one) => one.failed))];
  console.log(`\n${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

/** Starts each suite, in order, as soon as its cores are free. */
async function sideBySide(chosen: readonly Suite[]): Promise<ReadonlyMap<Suite, Result>> {
  const results = new Map<Suite, Result>();
  const running = new Map<Suite, Promise<void>>();
  for (const suite of chosen) {
    while (running.size > 0 && sum([...running.keys()].map(({ cores }) => cores)) + suite.cores > CORES) {
      await Promise.race(running.values());
    }
    const end = runSuite(suite).then((result) => {
      running.delete(suite);
      results.set(suite, result);
      console.log(lineOf(suite, result));
    });
    running.set(suite, end);
  }
  await Promise.all(running.values());
  return results;
}

async function runSuite(suite: Suite): Promise<Result> {
  const startedAt = performance.now();
  const report = join(reports, `${suite.name}.json`);
  const [script, ...args] = suite.command;
  const forVitest = suite.project ? ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`] : [];
  const run = spawn(process.execPath, [join(ROOT, script), ...args, ...forVitest], {
    cwd: ROOT,
    env: { ...process.env, NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const parts: Buffer[] = [];
  for (const stream of [run.stdout, run.stderr]) stream.on("data", (part: Buffer) => parts.push(part));
  const [code] = (await once(run, "close")) as [number | null];
  const counts = suite.project ? countsOf(report) : { passed: 1, failed: 0, skipped: 0 };
  // A suite can end badly with every test passed: an unhandled error, a crash while it cleaned up.
  const isCrash = counts.failed === 0 && (code !== 0 || counts.passed === 0);
  const adjusted = isCrash ? { ...counts, passed: suite.project ? counts.passed : 0, failed: 1 } : counts;
  return { ...adjusted, seconds: (performance.now() - startedAt) / 1_000, output: Buffer.concat(parts).toString() };
}

function countsOf(report: string): Pick<Result, "passed" | "failed" | "skipped"> {
  try {
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(
      readFileSync(report, "utf8"),
    ) as VitestReport;
    // A file that cannot be loaded fails without having a test.
    const unloaded = testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0);
    const failed = numFailedTests + unloaded.length;
    return { passed: numPassedTests, failed, skipped: numPendingTests + numTodoTests };
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
}

function lineOf({ name, size }: Suite, { passed, failed, skipped, seconds }: Result): string {
  const verdict = failed > 0 ? "FAILED" : "ok";
  const counts = [`${passed} passed`, failed > 0 && `${failed} failed`, skipped > 0 && `${skipped} skipped`];
  const time = `${seconds.toFixed(1)} s`;
  return `  ${name.padEnd(14)}${verdict.padEnd(8)}${time.padStart(8)}   ${counts.filter(Boolean).join(", ").padEnd(24)} ${size}`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
