import type { Actor, Audit, AuditEntry } from "../ports/administration.ts";
import type { Log } from "./logger.ts";

/**
 * Puts on record what an operator does while something is wrong. MySQL away is one of the things that may be: then the
 * record is a line in the pod's log, and what was asked for is done all the same.
 */
export async function recordUrgently(
  { audit, log }: { readonly audit: Pick<Audit, "record">; readonly log: Log },
  entry: AuditEntry,
  by: Actor,
): Promise<void> {
  try {
    await audit.record(entry, by);
  } catch (error) {
    log.error({ tag: "ADMIN", ...entry, ...by, err: error }, "an operator's change, not in the audit");
  }
}
