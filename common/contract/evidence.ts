/**
 * Why a writer lost its place: the closed list of metrics, logs and events (design of the writers, ADR 0009). The first
 * nine say that a connection or its pod is dead or was thought so; the last two are planned.
 */
export const EVIDENCE = [
  "heartbeat_timeout",
  "barrier_timeout",
  "write_stalled",
  "socket_error",
  "closed_by_peer",
  "lease_lost",
  "loop_stalled",
  "pod_gone",
  "superseded",
  "drain",
  "operator",
] as const;
export type Evidence = (typeof EVIDENCE)[number];

export function isPlanned(evidence: Evidence): boolean {
  return evidence === "drain" || evidence === "operator";
}
