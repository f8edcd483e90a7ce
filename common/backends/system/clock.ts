import type { Clock } from "#common/kernel/clock.ts";

/** The machine's own time. A pending `after` keeps the process alive: who starts one stops it. */
export function systemClock(): Clock {
  return {
    nowMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    after: (ms, then) => {
      const timer = setTimeout(then, ms);
      return () => clearTimeout(timer);
    },
  };
}
