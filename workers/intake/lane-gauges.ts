import type { Lane } from "#common/contract/ids.ts";
import { type Clock, pause } from "#common/kernel/clock.ts";
import type { Part } from "#common/kernel/lifecycle.ts";
import type { Log } from "#common/observe/logger.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import type { LaneBalance, LaneBalances } from "#common/ports/lane-log.ts";

const EVERY_MS = 5_000;

export interface LaneGaugesOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly balances: LaneBalances;
  owned(): readonly Lane[];
}

/** What operators see of the lanes this worker owns: backlog, age and parked events, from the counters in Redis. */
export function laneGauges(options: LaneGaugesOptions): Part {
  const { clock, log } = options;
  const stop = new AbortController();
  let loop: Promise<void> = Promise.resolve();
  const run = async () => {
    while (!stop.signal.aborted) {
      await sample(options).catch((error) => log.warn({ tag: "SERVER", err: error }, "lane balances not read"));
      await pause(clock, EVERY_MS, stop.signal);
    }
  };
  return {
    name: "lane gauges",
    start: async () => {
      loop = run();
    },
    stop: async () => {
      stop.abort();
      await loop;
    },
  };
}

/** Taken in and not yet done, by the counters that the lane's scripts keep. */
function inFlight({ appended, done }: LaneBalance): number {
  return appended - Object.values(done).reduce((a, b) => a + b, 0);
}

/** What the counters say is in flight, and the lane, looked at in the same moment, has no entry for. */
function unaccounted(balance: LaneBalance): number {
  const count = inFlight(balance);
  return count < 0 || balance.entries === 0 ? Math.abs(count) : 0;
}

async function sample({ metrics, balances, owned }: LaneGaugesOptions): Promise<void> {
  const all = await balances.balances();
  const lanes = new Set(owned());
  const mine = all.filter(({ lane }) => lanes.has(lane));
  const sum = (of: (balance: (typeof all)[number]) => number) =>
    mine.reduce((total, balance) => total + of(balance), 0);
  metrics.laneBacklogEvents.set(sum(inFlight));
  metrics.laneUnaccountedEvents.set(sum(unaccounted));
  metrics.laneOldestSeconds.set(Math.max(0, ...mine.map(({ oldestMs }) => oldestMs)) / 1_000);
  metrics.parkedEvents.set(sum(({ parked }) => parked));
}
