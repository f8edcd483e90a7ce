/**
 * `bench -- echo`: what moa's promises cost. Variants take turns within one run, because the machine is shared and only
 * a ratio of the same round means anything; every figure is the median over the rounds.
 */
import type { Bed } from "./bed.ts";
import { interval95, median, rotated, rounded } from "./figures.ts";
import { type Measured, type Round, type RoundOptions, roundOf } from "./round.ts";
import { bareEcho, floor, type Variant } from "./variant.ts";

export interface EchoOptions extends RoundOptions {
  readonly rounds: number;
}

/** Of the floor, in CPU per line of bare echo: beyond it the floor is no floor, and every ratio to it flatters. */
const FLOOR_TIMES_BARE_MAX = 7;

type Rounds = ReadonlyMap<Variant, readonly Round[]>;
type Figure = (measured: Measured) => number;

const cpu: Figure = (measured) => Object.values(measured.cpuUs).reduce((sum, us) => sum + us, 0);
const throughput: Figure = (measured) => measured.msgsPerS;
const p99: Figure = (measured) => measured.p99Ms;

export interface Outcome {
  /** The object of `--json`. */
  readonly result: object;
  /** The same for a person. */
  readonly table: Readonly<Record<string, object>>;
  /** Why the run does not count; empty when it does. */
  readonly failed: readonly string[];
}

export async function echoAgainstFloor(bed: Bed, moa: Variant, options: EchoOptions): Promise<Outcome> {
  const rounds = await alternate(bed, [floor, moa, bareEcho], options);
  const timesBare = ratioOf(rounds, [floor, bareEcho], (round) => cpu(round.saturation));
  const failed = faultsOf(rounds);
  if (median(timesBare) > FLOOR_TIMES_BARE_MAX)
    failed.push(
      `void: the floor costs ${rounded(median(timesBare))} times bare echo, more than ${FLOOR_TIMES_BARE_MAX}`,
    );
  const bare = medianOf(rounds, bareEcho, (round) => cpu(round.saturation));
  const result = {
    bench: "echo",
    ...comparison(rounds, [moa, floor]),
    bare_echo: { cpu_us: rounded(bare) },
    ...balanceOf(rounds, options.rounds),
  };
  return { result, table: tableOf(rounds), failed };
}

type Interval = readonly [low: number, high: number];

export interface AgainstRevision extends Outcome {
  /** 95 %, of the ratios new / old. */
  readonly intervals: Readonly<Record<"throughput" | "cpu" | "p99" | "fixed_cpu" | "fixed_p99", Interval>>;
}

/** Ratios are new / old. */
export async function echoAgainstRevision(
  bed: Bed,
  pair: readonly [moa: Variant, old: Variant],
  options: EchoOptions,
): Promise<AgainstRevision> {
  const rounds = await alternate(bed, pair, options);
  const interval = (figure: (round: Round) => number): Interval => {
    const [low, high] = interval95(ratioOf(rounds, pair, figure), Math.random);
    return [rounded(low), rounded(high)];
  };
  const intervals = {
    throughput: interval((round) => throughput(round.saturation)),
    cpu: interval((round) => cpu(round.saturation)),
    p99: interval((round) => p99(round.saturation)),
    fixed_cpu: interval((round) => cpu(fixedOf(round))),
    fixed_p99: interval((round) => p99(fixedOf(round))),
  };
  const result = {
    bench: "echo",
    against: pair[1].name,
    ...comparison(rounds, pair),
    intervals,
    ...balanceOf(rounds, options.rounds),
  };
  return { result, table: tableOf(rounds), failed: faultsOf(rounds), intervals };
}

async function alternate(bed: Bed, variants: readonly Variant[], options: EchoOptions): Promise<Rounds> {
  const rounds = new Map<Variant, Round[]>(variants.map((variant) => [variant, []]));
  for (let round = 0; round < options.rounds; round++) {
    for (const variant of rotated(variants, round)) {
      const done = await bed.within(roundOf(variant, bed, { ...options, round }));
      rounds.get(variant)?.push(done);
      console.log(lineOf(`${round + 1}`, variant, done));
    }
  }
  return rounds;
}

function comparison(rounds: Rounds, pair: readonly [moa: Variant, base: Variant]): object {
  const ratio = (figure: (round: Round) => number) => rounded(median(ratioOf(rounds, pair, figure)));
  const [moa, base] = pair;
  const baseName = base === floor ? "floor" : "old";
  const sides = (of: (round: Round) => Measured) => ({
    moa: sideOf(rounds, moa, of),
    [baseName]: sideOf(rounds, base, of),
  });
  const saturation = (round: Round) => round.saturation;
  return {
    ratios: {
      throughput: ratio((round) => throughput(round.saturation)),
      cpu: ratio((round) => cpu(round.saturation)),
      p99: ratio((round) => p99(round.saturation)),
    },
    ...sides(saturation),
    fixed: {
      rate: rounds.get(moa)?.[0]?.fixed?.rate,
      ratios: { cpu: ratio((round) => cpu(fixedOf(round))), p99: ratio((round) => p99(fixedOf(round))) },
      ...sides(fixedOf),
    },
  };
}

/** As in the object of `--json`. */
interface Side {
  readonly msgs_per_s: number;
  readonly cpu_us: Readonly<Record<string, number>>;
  readonly p50_ms: number;
  readonly p99_ms: number;
}

/** Medians over the rounds, so that a line's parts need not add up to its sum. */
function tableOf(rounds: Rounds): Record<string, object> {
  const table: Record<string, object> = {};
  for (const [variant, done] of rounds) {
    const rowOf = (of: (round: Round) => Measured) => {
      const { cpu_us, ...rest } = sideOf(rounds, variant, of);
      return { us_per_msg: rounded(medianOf(rounds, variant, (round) => cpu(of(round)))), ...cpu_us, ...rest };
    };
    table[variant.name] = rowOf((round) => round.saturation);
    if (done[0]?.fixed) table[`${variant.name} at ${done[0].fixed.rate}/s`] = rowOf(fixedOf);
  }
  return table;
}

function sideOf(rounds: Rounds, variant: Variant, of: (round: Round) => Measured): Side {
  const figure = (get: Figure) => rounded(medianOf(rounds, variant, (round) => get(of(round))));
  const roles = Object.keys(rounds.get(variant)?.[0]?.saturation.cpuUs ?? {});
  const cpuUs = Object.fromEntries(roles.map((role) => [role, figure((measured) => measured.cpuUs[role] ?? 0)]));
  return {
    msgs_per_s: figure(throughput),
    cpu_us: cpuUs,
    p50_ms: figure((measured) => measured.p50Ms),
    p99_ms: figure(p99),
  };
}

function balanceOf(rounds: Rounds, count: number): object {
  const sum = (field: "lost" | "doubled" | "reordered") =>
    [...rounds.values()].flat().reduce((total, { balance }) => total + balance[field], 0);
  return { rounds: count, lost: sum("lost"), doubled: sum("doubled"), reordered: sum("reordered") };
}

function faultsOf(rounds: Rounds): string[] {
  const faults: string[] = [];
  for (const [variant, done] of rounds) {
    for (const { balance, rowsOff } of done) {
      const { lost, doubled, reordered } = balance;
      if (lost + doubled + reordered > 0)
        faults.push(`${variant.name}: ${lost} lost, ${doubled} doubled, ${reordered} reordered`);
      if (rowsOff !== 0)
        faults.push(`${variant.name}: ${Math.abs(rowsOff)} chat-log rows ${rowsOff < 0 ? "missing" : "too many"}`);
    }
  }
  return faults;
}

/** One ratio for each round. */
function ratioOf(rounds: Rounds, [a, b]: readonly [Variant, Variant], figure: (round: Round) => number): number[] {
  const base = rounds.get(b) ?? [];
  return (rounds.get(a) ?? []).map((round, i) => figure(round) / figure(base[i] as Round));
}

function medianOf(rounds: Rounds, variant: Variant, figure: (round: Round) => number): number {
  return median((rounds.get(variant) ?? []).map(figure));
}

/** Every variant that is compared has it; bare echo, which has not, only calibrates. */
function fixedOf(round: Round): Measured & { readonly rate: number } {
  if (round.fixed === null) throw new Error("measured at saturation only");
  return round.fixed;
}

function lineOf(round: string, { name }: Variant, { saturation, fixed, balance, rowsOff }: Round): string {
  const one = (measured: Measured) =>
    [
      `${Math.round(measured.msgsPerS)}/s`.padStart(8),
      `${cpu(measured).toFixed(1)} us`.padStart(10),
      `(${Object.entries(measured.cpuUs)
        .map(([role, us]) => `${role} ${us.toFixed(1)}`)
        .join(", ")})`,
      `p50 ${measured.p50Ms.toFixed(1)} p99 ${measured.p99Ms.toFixed(1)} ms`,
      measured.rowLag > 0.01 ? `rows late ${(measured.rowLag * 100).toFixed(0)} %` : "",
    ].join(" ");
  const { lost, doubled, reordered } = balance;
  const wrong =
    lost + doubled + reordered + Math.abs(rowsOff) === 0
      ? ""
      : `  lost ${lost} doubled ${doubled} reordered ${reordered} rows off ${rowsOff}`;
  return [
    `${round} ${name.padEnd(10)} saturated ${one(saturation)}${wrong}`,
    ...(fixed === null ? [] : [`${" ".repeat(13)}    fixed ${one(fixed)}`]),
  ].join("\n");
}
