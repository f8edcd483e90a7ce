/** Arithmetic of the benchmarks. Pure. */

/** NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle] as number;
  return ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

/** Three significant digits: the fourth is noise on any machine. */
export function rounded(value: number): number {
  return Number(value.toPrecision(3));
}

/**
 * 95 % interval of the median by bootstrap: what the median might have been had other rounds of the same kind been
 * drawn. With 5 rounds it is wide, and says so.
 */
export function interval95(values: readonly number[], next: () => number): readonly [low: number, high: number] {
  const medians = Array.from({ length: 2_000 }, () =>
    median(values.map(() => values[Math.floor(next() * values.length)] as number)),
  ).sort((a, b) => a - b);
  return [medians[50] as number, medians[1_949] as number];
}

/** Element 0 first in round 0, element 1 first in round 1, ...: what a neighbour leaves behind falls on all alike. */
export function rotated<T>(items: readonly T[], by: number): readonly T[] {
  const at = by % items.length;
  return [...items.slice(at), ...items.slice(0, at)];
}

/** CPU time of a process from its /proc/<pid>/stat, in ticks of 10 ms. The name in brackets may hold anything. */
export function cpuTicks(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}
