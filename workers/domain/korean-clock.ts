/** The clock on a wall in Korea, which knows no summer time (since 1988): nine hours before UTC, always. */

export const KOREA_MS = 9 * 3_600_000;

/** `2026-11-22` */
export function koreanDate(ms: number): string {
  return isoOf(ms).slice(0, 10);
}

/** `09:00:00` */
export function koreanTime(ms: number): string {
  return isoOf(ms).slice(11, 19);
}

function isoOf(ms: number): string {
  return new Date(ms + KOREA_MS).toISOString();
}
