/** What the pods' failover events say, judged against the faults that were made. */
import type { FailoverSaid, FaultMade } from "../history.ts";
import { isOfRedis } from "../scenarios/catalogue.ts";

export interface FailoverVerdict {
  /** Unplanned, of a bot and at a time that no fault explains. */
  readonly falseFailovers: number;
  readonly detectBusyMs: readonly number[];
  readonly detectIdleMs: readonly number[];
  readonly promoteMs: readonly number[];
  readonly outageMs: readonly number[];
  readonly handoverMs: readonly number[];
}

/** Silence must be noticed: the others are told. */
const NOTICED = new Set(["heartbeat_timeout", "barrier_timeout", "write_stalled"]);
const PLANNED = new Set(["drain", "operator"]);
/** A failover may come so long after its fault is over: an idle connection is asked every 14 s and has 5 s to answer. */
const AFTER_FAULT_MS = 25_000;

export function judgeFailovers(failovers: readonly FailoverSaid[], faults: readonly FaultMade[]): FailoverVerdict {
  const during = (one: FailoverSaid, fits: (fault: FaultMade) => boolean) =>
    faults.some((fault) => fits(fault) && one.at >= fault.at && one.at <= fault.endedAt + AFTER_FAULT_MS);
  const explained = (one: FailoverSaid) => during(one, ({ bot }) => bot === undefined || bot === one.bot);
  const unplanned = failovers.filter(({ reason }) => !PLANNED.has(reason));
  // While servers are away nothing is detected in time, nor promised to be.
  const clean = unplanned.filter((one) => !during(one, ({ bot }) => bot === undefined));
  const noticed = clean.filter(({ reason }) => NOTICED.has(reason));
  const planned = failovers
    .filter(({ reason, stoodBy }) => PLANNED.has(reason) && stoodBy)
    .filter((one) => !during(one, ({ scenario }) => isOfRedis(scenario)));
  return {
    falseFailovers: unplanned.filter((one) => !explained(one)).length,
    detectBusyMs: spans(
      noticed.filter(({ isBusy }) => isBusy),
      0,
      1,
    ),
    detectIdleMs: spans(
      noticed.filter(({ isBusy }) => !isBusy),
      0,
      1,
    ),
    promoteMs: spans(
      clean.filter(({ stoodBy }) => stoodBy),
      1,
      2,
    ),
    outageMs: spans(
      clean.filter(({ isBusy, stoodBy }) => isBusy && stoodBy),
      0,
      4,
    ),
    handoverMs: spans(planned, 0, 2),
  };
}

function spans(failovers: readonly FailoverSaid[], from: 0 | 1, to: 1 | 2 | 3 | 4): number[] {
  return failovers.map(({ times }) => times[to] - times[from]).filter((ms) => !Number.isNaN(ms));
}

/** null of nothing. */
export function p99(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))];
  return value === undefined ? null : Math.round(value);
}
