/** The part of the catalogue (metric-catalogue.ts) about who writes: failovers, tenures, what they leave in doubt. */
import { EVIDENCE, isPlanned } from "../contract/evidence.ts";

/** The objective, 5 s, and the 6 s that acceptance allows are edges. */
const OUTAGE = [0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 6, 7.5, 10, 15, 30, 60, 120];
const PROMOTION = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const UNPLANNED = EVIDENCE.filter((evidence) => !isPlanned(evidence));
const PLANNED = EVIDENCE.filter(isPlanned);

/** `no_candidate`: nobody stood by, the bot waited for a phone. `unproven`: its reign ended before a confirmation. */
export const FAILOVER_RESULTS = ["ok", "no_candidate", "unproven"] as const;
export type FailoverResult = (typeof FAILOVER_RESULTS)[number];

export const writerMetrics = {
  writerFailovers: {
    type: "counter",
    name: "moa_writer_failovers_total",
    help: "Writers replaced without a plan, counted by the pod that took over.",
    labels: { reason: UNPLANNED, result: FAILOVER_RESULTS },
  },
  writerHandovers: {
    type: "counter",
    name: "moa_writer_handovers_total",
    help: "Writers replaced by plan, counted by the pod that took over.",
    labels: { reason: PLANNED, result: FAILOVER_RESULTS },
  },
  writerPromotionSeconds: {
    type: "histogram",
    name: "moa_writer_promotion_seconds",
    help: "T2-T1: former writer given up to the next one's tenure, where somebody stood by.",
    labels: { reason: EVIDENCE },
    buckets: PROMOTION,
  },
  writerOutageSeconds: {
    type: "histogram",
    name: "moa_writer_outage_seconds",
    help: "T4-T0: the former writer's last proof of life to the first confirmation by the next, where somebody stood by and something waited.",
    labels: { reason: EVIDENCE },
    buckets: OUTAGE,
  },
  writerFailoversInProgress: {
    type: "gauge",
    name: "moa_writer_failovers_in_progress",
    help: "Failovers of this pod between the tenure (T2) and the first confirmation (T4).",
  },
  writerFlaps: {
    type: "counter",
    name: "moa_writer_flaps_total",
    help: "Writers replaced without a plan within 60 s of their own beginning.",
  },
  standbyCandidates: {
    type: "histogram",
    name: "moa_standby_candidates",
    help: "Living connections of the bot on the pod that took over.",
    buckets: [0, 1, 2, 3, 5, 8],
  },
  tenureAgeSeconds: {
    type: "histogram",
    name: "moa_lease_epoch_age_seconds",
    help: "Age of a tenure at its end.",
    buckets: [1, 5, 30, 60, 300, 1_800, 3_600, 21_600, 86_400, 604_800],
  },
  fencingViolations: {
    type: "counter",
    name: "moa_fencing_violations_total",
    help: "A bot's tenure that this pod held, alive all the while, was given to another pod. Must stay 0 while Redis keeps what it acknowledged.",
    labels: { point: ["tenure"] },
  },
  epochRegressions: {
    type: "counter",
    name: "moa_epoch_regressions_total",
    help: "A tenure was given under an epoch not above one already seen, or found under one below it though no loss of Redis was seen. Must stay 0.",
  },
  failoverInflight: {
    type: "histogram",
    name: "moa_messages_failover_inflight",
    help: "Actions in doubt that a writer found when it took over.",
    buckets: [0, 1, 2, 4, 8, 16],
  },
  ambiguousActions: {
    type: "counter",
    name: "moa_ambiguous_actions_total",
    help: "Actions of which a failover left unknown whether they were shown, by what was done with them.",
    labels: { class: ["resend", "drop", "hold"] },
  },
  registeredBots: {
    type: "gauge",
    name: "moa_registered_bots",
    help: "Bots with an admitted connection on this pod.",
  },
  writerlessBots: {
    type: "gauge",
    name: "moa_writerless_bots",
    help: "Bots with a connection on this pod and, as far as it knows, no writer.",
  },
  heldActions: {
    type: "gauge",
    name: "moa_held_actions",
    help: "Actions that wait for an operator's decision, over all bots.",
  },
  heldOldestSeconds: {
    type: "gauge",
    name: "moa_held_oldest_age_seconds",
    help: "Age of the oldest action that waits for an operator's decision.",
  },
  drainRemaining: {
    type: "gauge",
    name: "moa_gateway_drain_remaining",
    help: "Connections still to be closed by the drain; 0 when the pod is not draining.",
  },
  drainSeconds: {
    type: "histogram",
    name: "moa_gateway_drain_seconds",
    help: "Duration of a drain.",
    labels: { result: ["complete", "deadline"] },
    buckets: [0.1, 0.5, 1, 2.5, 5, 10, 15, 20, 25, 30],
  },
} as const;
