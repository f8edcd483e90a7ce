/** Ids of stream entries, `<ms>-<n>`, ordered by both numbers. Both stay far below 2^53. */
export interface EntryId {
  readonly ms: number;
  readonly n: number;
}

export function parseEntryId(id: string): EntryId {
  const dash = id.indexOf("-");
  return { ms: Number(id.slice(0, dash)), n: Number(id.slice(dash + 1)) };
}

export function isAfter(id: string, other: string): boolean {
  const a = parseEntryId(id);
  const b = parseEntryId(other);
  return a.ms > b.ms || (a.ms === b.ms && a.n > b.n);
}

/** The lowest id above: trimming below it drops everything up to and including `id`. */
export function nextEntryId(id: string): string {
  const { ms, n } = parseEntryId(id);
  return `${ms}-${n + 1}`;
}
