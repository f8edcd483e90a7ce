import type { Random } from "./random.ts";

/** Exponential with full jitter: uniform in [0, min(max, base * 2^attempt)), at least 1 ms. `attempt` counts from 0. */
export function backoffMs(attempt: number, random: Random, baseMs = 50, maxMs = 2_000): number {
  return 1 + Math.floor(random.next() * Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 20)));
}
