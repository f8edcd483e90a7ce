import { SIGNATURE_RESULTS } from "./signature-results.ts";

/** The part of the catalogue (metric-catalogue.ts) about who is let in. */
export const admissionMetrics = {
  signatures: {
    type: "counter",
    name: "moa_signatures_total",
    help: "Frames of identified connections by what their signature proved.",
    labels: { result: SIGNATURE_RESULTS },
  },
  connectionsIdentified: {
    type: "counter",
    name: "moa_connections_identified_total",
    help: "Identified connections by what is known of their device; unreadable: it names no one device; source: it comes from outside its bot's networks; unknown: the approvals are away.",
    labels: { status: ["approved", "pending", "denied", "revoked", "blocked", "unreadable", "source", "unknown"] },
  },
  deviceAddressChanges: {
    type: "counter",
    name: "moa_device_address_changes_total",
    help: "Devices that were admitted from another address than the last time; accepted.",
  },
  clientClockSkewSeconds: {
    type: "histogram",
    name: "moa_client_clock_skew_seconds",
    help: "How far the clock of a phone with a fitting signature is from ours, either way.",
    buckets: [1, 5, 15, 30, 60, 120, 300, 900, 3_600, 86_400],
  },
} as const;
