/** The part of the catalogue (metric-catalogue.ts) about pings on record. */
export const pingMetrics = {
  pingsRecorded: {
    type: "counter",
    name: "moa_pings_recorded_total",
    help: "Pings of admitted connections; dropped: more than can wait for MySQL, or than one device may put on record.",
    labels: { result: ["written", "dropped"] },
  },
} as const;
