/** What a boot came to, in the words of the chaos report; and several boots together. */
import type { LaneTotals, Rows } from "#scripts/fleet/verdict.ts";
import { judgeFailovers, p99 } from "./check/failovers.ts";
import { unanswered, unrecorded, unshown } from "./check/loss.ts";
import { overlapsInFrames, overlapsInTenures } from "./check/overlap.ts";
import { judgeShown } from "./check/shown.ts";
import type { ChaosFleet } from "./fleet.ts";
import type { FaultMade, History } from "./history.ts";
import { inFlight } from "./record.ts";
import type { Texts } from "./texts.ts";

const MEMORY_MIB_MAX = 512;
const REPEATS_PER_FAILOVER_MAX = 16;
const EXAMPLES_MAX = 3;

export interface BootEvidence {
  readonly topology: string;
  readonly history: History;
  readonly texts: Texts;
  readonly fleet: Pick<ChaosFleet, "botOf">;
  readonly kept: { readonly rows: Rows; readonly lanes: LaneTotals; readonly effectsTwice: readonly string[] };
  /** Lines that were read too late to be run, as workers count them. */
  readonly lateLines: number;
  readonly deaths: readonly string[];
  /** By pod, MiB. */
  readonly memory: ReadonlyMap<string, number>;
}

export type BootVerdict = ReturnType<typeof judge>;

export function judge(evidence: BootEvidence) {
  const { topology, history, texts, fleet, kept, deaths, memory } = evidence;
  const botOf = (phone: number) => fleet.botOf[phone]?.name ?? "nobody";
  const [sent, shown, faults] = [history.of("sent"), history.of("shown"), history.of("fault")];
  const showings = judgeShown({ sent, shown }, texts, botOf);
  const missing = missingTexts(evidence, botOf);
  const overlaps = [...overlapsInFrames(shown, botOf), ...overlapsInTenures(history.of("taken", "ended"), faults)];
  const doubled = [...kept.effectsTwice, ...repeatedRows(kept.rows)];
  const failovers = judgeFailovers(history.of("failover"), faults);
  const unaccounted = inFlight(kept.lanes);
  const crowded = [...memory]
    .filter(([, mib]) => mib > MEMORY_MIB_MAX)
    .map(([pod, mib]) => `${pod} had ${Math.round(mib)} MiB`);
  const tooOften = repeatsBeyond(evidence, showings.duplicatesOf, botOf);
  const failed = [
    ...faults.flatMap(({ scenario, bot, failed: broken }) =>
      broken.map((what) => `${scenario}${bot ? ` (${bot})` : ""}: ${what}`),
    ),
    ...some("lost", missing),
    ...some("duplicate effects", doubled),
    ...some("writer overlaps", overlaps),
    ...some("of what phones showed", showings.examples),
    ...some("more repeats than its failovers explain", tooOften),
    ...some("memory", crowded),
    ...some("pods died unasked", deaths),
    ...(failovers.falseFailovers === 0 ? [] : [`${failovers.falseFailovers} failovers that no fault explains`]),
    ...(unaccounted === 0 ? [] : [`${unaccounted} events are in no outcome`]),
  ].map((what) => `${topology}: ${what}`);
  return { ...failovers, faults, messages: sent.length, missing, doubled, overlaps, showings, unaccounted, failed };
}

function some(what: string, found: readonly string[]): string[] {
  if (found.length === 0) return [];
  return [`${what}: ${found.length}, e.g. ${found.slice(0, EXAMPLES_MAX).join("; ")}`];
}

function missingTexts({ history, texts, kept, lateLines }: BootEvidence, botOf: (phone: number) => string): string[] {
  const { refused, parked, expired } = kept.lanes;
  const shown = new Set(history.of("shown").map(({ text }) => text));
  const present = (rows: Uint8Array) => new Set([...rows.keys()].filter((text) => rows[text] !== 0));
  const [recorded, answered] = [present(kept.rows.lines), present(kept.rows.answers)];
  const sent = history.of("sent");
  const evidence = {
    ...{
      sent,
      shown,
      recorded,
      answered,
      botOf,
      links: history.of("connected", "closed"),
      faults: history.of("fault"),
    },
    ...{ accounted: refused + parked + expired + lateLines, unhandled: inFlight(kept.lanes), endedAt: Date.now() },
  };
  const tell = (how: string) => (text: number) => {
    const when = sent.find((one) => one.text === text);
    return `text ${text} of ${botOf(texts.phoneOf(text))}, said ${when ? new Date(when.at).toISOString() : "never"}, ${how}`;
  };
  return [
    ...unshown(evidence).map(tell("answered, never shown")),
    ...unanswered(evidence).map(tell("never answered")),
    ...unrecorded(evidence).map(tell("not on record")),
  ];
}

function repeatedRows({ lines, answers }: Rows): string[] {
  const twice = (rows: Uint8Array) => [...rows.keys()].filter((text) => (rows[text] as number) > 1);
  return [
    ...twice(lines).map((text) => `row of text ${text}`),
    ...twice(answers).map((text) => `row of the answer to ${text}`),
  ];
}

/** A bot's repeats are bounded by how often its writer changed: as its pods say, and at least as its phones saw. */
function repeatsBeyond(
  { history }: BootEvidence,
  duplicatesOf: ReadonlyMap<string, number>,
  botOf: (phone: number) => string,
): string[] {
  const changes = new Map<string, Set<string>>();
  const add = (bot: string, reign: string) => changes.set(bot, (changes.get(bot) ?? new Set()).add(reign));
  for (const { bot, epoch } of history.of("taken")) add(bot, `${epoch}`);
  if (changes.size === 0)
    for (const one of history.of("shown")) add(botOf(one.phone), `${one.phone}/${one.connection}`);
  return [...duplicatesOf]
    .filter(([bot, repeats]) => repeats > REPEATS_PER_FAILOVER_MAX * Math.max(0, (changes.get(bot)?.size ?? 0) - 1))
    .map(([bot, repeats]) => `${bot}: ${repeats} repeats, ${(changes.get(bot)?.size ?? 1) - 1} changes of its writer`);
}

/** Promised of the 99th percentile, ms. Of fewer than so many it says nothing. */
const PROMISED = {
  detect_busy_p99_ms: 5_000,
  detect_idle_p99_ms: 20_000,
  promote_p99_ms: 250,
  outage_p99_ms: 6_000,
  handover_p99_ms: 300,
};
const VALUES_MIN = 20;

/** One object over all boots, which others read: its names stay. */
export function report(seed: number, boots: readonly BootVerdict[], more: readonly string[]) {
  const all = <T>(of: (boot: BootVerdict) => readonly T[]) => boots.flatMap(of);
  const sum = (of: (boot: BootVerdict) => number) => boots.reduce((total, boot) => total + of(boot), 0);
  const faults = all((boot) => boot.faults);
  const bit = faults.filter((fault) => fault.bit);
  const resumes = faults.map(({ facts }) => facts.resume_ms).filter((ms) => ms !== undefined);
  const measured = {
    detect_busy_p99_ms: all((boot) => boot.detectBusyMs),
    detect_idle_p99_ms: all((boot) => boot.detectIdleMs),
    promote_p99_ms: all((boot) => boot.promoteMs),
    outage_p99_ms: all((boot) => boot.outageMs),
    handover_p99_ms: all((boot) => boot.handoverMs),
  };
  const failed = [...more, ...all((boot) => boot.failed), ...tooSlow(measured)];
  return {
    verdict: failed.length === 0 ? ("pass" as const) : ("fail" as const),
    seed,
    faults: bit.length,
    kinds: new Set(bit.map(({ scenario }) => scenario)).size,
    void: faults.filter(({ failed: broken, ...fault }) => !fault.bit && broken.length > 0).length,
    messages: sum((boot) => boot.messages),
    lost: sum((boot) => boot.missing.length),
    duplicate_effects: sum((boot) => boot.doubled.length),
    visible_duplicates: sum((boot) => boot.showings.visibleDuplicates),
    unlabelled_duplicates: sum((boot) => boot.showings.unlabelledDuplicates),
    order_violations: sum((boot) => boot.showings.orderViolations),
    writer_overlaps: sum((boot) => boot.overlaps.length),
    unaccounted: sum((boot) => Math.abs(boot.unaccounted)),
    false_failovers: sum((boot) => boot.falseFailovers),
    detect_busy_p99_ms: p99(measured.detect_busy_p99_ms),
    detect_idle_p99_ms: p99(measured.detect_idle_p99_ms),
    promote_p99_ms: p99(measured.promote_p99_ms),
    outage_p99_ms: p99(measured.outage_p99_ms),
    handover_p99_ms: p99(measured.handover_p99_ms),
    redis_resume_max_s: resumes.length === 0 ? null : Math.max(...resumes) / 1_000,
    made: made(faults),
    failed,
  };
}

function tooSlow(measured: Readonly<Record<keyof typeof PROMISED, readonly number[]>>): string[] {
  return (Object.keys(PROMISED) as (keyof typeof PROMISED)[]).flatMap((name) => {
    const values = measured[name];
    const worst = p99(values) ?? 0;
    if (values.length < VALUES_MIN || worst <= PROMISED[name]) return [];
    return [`${name} is ${worst} of ${values.length}, at most ${PROMISED[name]}`];
  });
}

function made(faults: readonly FaultMade[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { scenario, bit } of faults) if (bit) counts[scenario] = (counts[scenario] ?? 0) + 1;
  return counts;
}
