/**
 * `npm run chaos`: real gateways, workers, Redis, MariaDB and phones, seeded faults on many bots at once, and one history
 * of which everything that moa promises is judged (chaos/boot.ts). `--list` shows the faults.
 *
 * Exit code 0: every promise held and every fault bit. 1: not so. 2: no run.
 */
import { MoaError } from "#common/kernel/errors.ts";
import { type BootPlan, runBoot } from "./chaos/boot.ts";
import { type BootVerdict, report } from "./chaos/judge.ts";
import { type ChaosOptions, readOptions } from "./chaos/options.ts";
import { runsOn, scenarios } from "./chaos/scenarios/catalogue.ts";

/** The faults of pods need one Redis; the others are shorter. */
const SHARE = { single: 0.6, sentinel: 0.2, cluster: 0.2 } as const;

process.exitCode = await main().catch((error: unknown) => {
  console.error(error instanceof MoaError ? `chaos: ${error.message}` : error);
  return 2;
});

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options.list) return list();
  const boots: BootVerdict[] = [];
  const broken: string[] = [];
  for (const plan of plansOf(options)) {
    const { topology, names, rate, ms } = plan;
    console.log(
      `chaos: ${topology}, ${names.length} kinds of faults, ${rate} lines/s, ${Math.round(ms / 1_000)} s at least, seed ${plan.seed}`,
    );
    await runBoot(plan).then(
      (verdict) => boots.push(verdict),
      (error: Error) => broken.push(`${topology}: ${error.message}`),
    );
  }
  const verdict = report(options.seed, boots, broken);
  for (const [name, figure] of Object.entries(verdict)) {
    if (typeof figure !== "object") console.log(`  ${name.padEnd(22)} ${figure}`);
  }
  for (const what of verdict.failed) console.log(`  FAILED ${what}`);
  if (options.json) console.log(JSON.stringify(verdict));
  return verdict.verdict === "pass" ? 0 : 1;
}

/** A boot with one Redis, and one of each topology that has a fault of its own to make. */
function plansOf(options: ChaosOptions): readonly BootPlan[] {
  const plans = options.topologies
    .map((topology) => ({ topology, names: options.names.filter((name) => runsOn(name, topology)) }))
    .filter(({ topology, names }) => names.some((name) => topology === "single" || scenarios[name]?.on === "site"));
  const shares = plans.reduce((sum, { topology }) => sum + SHARE[topology], 0);
  return plans.map((plan) => ({ ...options, ...plan, ms: (options.minutes * 60_000 * SHARE[plan.topology]) / shares }));
}

function list(): number {
  for (const [name, { on, numbers, says, topologies }] of Object.entries(scenarios)) {
    const where = on === "site" ? (topologies ?? ["single"]).join(",") : `bot: ${on}`;
    console.log(`${name.padEnd(28)} ${numbers.join(",").padEnd(7)} ${where.padEnd(18)} ${says}`);
  }
  return 0;
}
