import { EVIDENCE, type Evidence } from "#common/contract/evidence.ts";
import type { CloseReason } from "#common/observe/metric-catalogue.ts";

/** What the end of a connection says of it as a writer. */
export function evidenceOf(reason: CloseReason): Evidence {
  if (reason === "replaced") return "superseded";
  if (reason === "write_queue_full" || reason === "half_written") return "write_stalled";
  return EVIDENCE.find((evidence) => evidence === reason) ?? "socket_error";
}
