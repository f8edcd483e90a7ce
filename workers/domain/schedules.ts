/**
 * When a schedule is due, by the clock on a wall in Korea, and what becomes of a time that is:
 *
 *   not due yet                      -> it is waited for
 *   outside the days of its validity -> passed over
 *   5 minutes ago or less            -> sent, as if nothing had been
 *   longer ago                       -> missed: the next time that is no longer ago than that is looked at
 *
 * Times are epoch ms. Korea has no summer time, so that a day has 24 hours and nothing has to be asked of a calendar.
 */
import { limits } from "#common/contract/limits.ts";
import { KOREA_MS } from "./korean-clock.ts";

const DAY_MS = 86_400_000;
/** 1 January 1970 was one. */
const THURSDAY = 4;

export interface Times {
  readonly kind: "once" | "daily" | "weekly";
  /** Of the day, ms since its midnight. */
  readonly timesMs: readonly number[];
  /** 0 is Sunday. Of a weekly schedule. */
  readonly weekdays: readonly number[];
  /** Of one that is sent once. */
  readonly onceMs: number | null;
  /** Both belong to it; null: no bound. */
  readonly validFromMs: number | null;
  readonly validUntilMs: number | null;
}

export interface Verdict {
  readonly kind: "wait" | "send" | "pass" | "missed";
  /** The time judged; null: there is none. */
  readonly dueMs: number | null;
  /** The one after it; null: none any more. */
  readonly nextMs: number | null;
}

/** The first time after the moment. */
export function nextTime(times: Times, afterMs: number): number | null {
  if (times.kind === "once") return times.onceMs !== null && times.onceMs > afterMs ? times.onceMs : null;
  const fromMs = Math.max(afterMs, (times.validFromMs ?? afterMs + 1) - 1);
  const today = Math.floor((fromMs + KOREA_MS) / DAY_MS);
  const ofDay = times.timesMs.toSorted((a, b) => a - b);
  // A week from today is needed where its time of today has passed.
  for (let day = today; day <= today + 7; day++) {
    if (times.kind === "weekly" && !times.weekdays.includes((day + THURSDAY) % 7)) continue;
    const found = ofDay.map((time) => day * DAY_MS + time - KOREA_MS).find((at) => at > fromMs);
    if (found !== undefined) return isValid(times, found) ? found : null;
  }
  return null;
}

/** @param knownMs what is on record as its next time; null when nobody has looked yet */
export function judge(times: Times, knownMs: number | null, nowMs: number): Verdict {
  const dueMs = knownMs ?? firstTime(times, nowMs);
  if (dueMs === null) return { kind: "pass", dueMs, nextMs: null };
  if (dueMs > nowMs) return { kind: "wait", dueMs, nextMs: dueMs };
  const oldestMs = nowMs - limits.scheduleMissedMs;
  // What is sent once was due when it was due, whatever its date says by now.
  const after = (ms: number) => (times.kind === "once" ? null : nextTime(times, ms));
  if (!isValid(times, dueMs)) return { kind: "pass", dueMs, nextMs: after(Math.max(dueMs, oldestMs - 1)) };
  if (dueMs >= oldestMs) return { kind: "send", dueMs, nextMs: after(dueMs) };
  return { kind: "missed", dueMs, nextMs: after(oldestMs - 1) };
}

/** Of a schedule that was just made: its minute may have begun. */
function firstTime(times: Times, nowMs: number): number | null {
  return times.kind === "once" ? times.onceMs : nextTime(times, nowMs - 60_000);
}

function isValid({ validFromMs, validUntilMs }: Times, atMs: number): boolean {
  return (validFromMs === null || atMs >= validFromMs) && (validUntilMs === null || atMs <= validUntilMs);
}
