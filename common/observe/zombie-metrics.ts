/** The part of the catalogue (metric-catalogue.ts) about connections: their roles, and how the dead are found. */
import type { Evidence } from "../contract/evidence.ts";

const FAST = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** What is allowed with traffic, 5 s, and idle, 20 s, are edges. */
const DETECTION = [0.1, 0.5, 1, 2, 3, 4, 4.5, 5, 6, 7.5, 10, 15, 17.5, 20, 30, 60];

/** Unadmitted: identified, and not (yet) one of the bot's own, whatever delivery would make of it. */
export const CONNECTION_ROLES = ["handshaking", "unadmitted", "writer", "standby", "zombie"] as const;
export type ConnectionRole = (typeof CONNECTION_ROLES)[number];

export const TRANSPORTS = ["tcp", "tls"] as const;
export type Transport = (typeof TRANSPORTS)[number];

const SILENCES = ["heartbeat_timeout", "barrier_timeout", "write_stalled"] as const satisfies readonly Evidence[];

export const zombieMetrics = {
  connections: {
    type: "gauge",
    name: "moa_connections",
    help: "Open connections of this pod by role.",
    labels: { role: CONNECTION_ROLES, transport: TRANSPORTS },
  },
  phones: {
    type: "gauge",
    name: "moa_phones",
    help: "Open connections by what their phone makes of our pings; unconfirmed: it echoes none, so that nothing written to it is ever proven read.",
    labels: { class: ["confirmed", "unconfirmed"] },
  },
  heartbeatRttSeconds: {
    type: "histogram",
    name: "moa_heartbeat_rtt_seconds",
    help: "Our ping to its echo, with no action before it.",
    labels: { role: CONNECTION_ROLES },
    buckets: FAST,
  },
  barrierRttSeconds: {
    type: "histogram",
    name: "moa_barrier_rtt_seconds",
    help: "A barrier to its echo: with it all that was written before is proven read.",
    buckets: FAST,
  },
  zombiesDetected: {
    type: "counter",
    name: "moa_zombies_detected_total",
    help: "Connections declared zombie, by the evidence.",
    labels: { reason: SILENCES },
  },
  zombieDetectionSeconds: {
    type: "histogram",
    name: "moa_zombie_detection_seconds",
    help: "T1-T0: last proof of life, or the first unconfirmed action after it, to the verdict.",
    labels: { reason: SILENCES },
    buckets: DETECTION,
  },
  zombieOldestSeconds: {
    type: "gauge",
    name: "moa_zombie_connection_oldest_age_seconds",
    help: "Silence of the open connection that is silent longest, by role, as evidence counts it: only of phones that echo pings, from when the pod could hear them, less the time of pictures under way.",
    labels: { role: CONNECTION_ROLES },
  },
  zombieFalsePositives: {
    type: "counter",
    name: "moa_zombie_false_positives_total",
    help: "Zombies that spoke again within 30 s of the verdict.",
    labels: { reason: SILENCES },
  },
  zombiesReaped: {
    type: "counter",
    name: "moa_zombie_reaped_total",
    help: "Ends of zombies: ended by the peer (fin), by our reset (rst), or found broken (already_gone).",
    labels: { result: ["fin", "rst", "already_gone"] },
  },
  zombieDetectorAt: {
    type: "gauge",
    name: "moa_zombie_detector_last_sweep_timestamp_seconds",
    help: "Unix time at which this pod last looked at a connection for evidence; each is looked at within 14 s.",
  },
} as const;
