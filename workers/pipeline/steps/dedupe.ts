import type { Work } from "../work.ts";

/** Two copies of an event are of one room, so the first has decided, and is known, before the second gets here. */
export function dedupe(work: Work): Work {
  return work.from.seen.has(work.event.id) ? { ...work, outcome: "duplicate" } : work;
}
