/** The part of the catalogue (metric-catalogue.ts) about what Redis lost, and about lines that came too late. */
export const replayMetrics = {
  replayed: {
    type: "counter",
    name: "moa_replayed_total",
    help: "Events and decisions given to Redis again after a loss: restored where they were gone, kept where they were not; given_up when nobody would take them any more.",
    labels: { what: ["event", "decision"], result: ["restored", "kept", "given_up"] },
  },
  replayRingShortSeconds: {
    type: "gauge",
    name: "moa_replay_ring_short_seconds",
    help: "By how much the ring of what Redis acknowledged reaches back less than it should, because of its bytes.",
  },
  replayBeyondRing: {
    type: "counter",
    name: "moa_replay_beyond_ring_total",
    help: "Times a lane had lost more than this gateway still had: some of what was acknowledged may be gone.",
  },
  lateLines: {
    type: "counter",
    name: "moa_late_lines_total",
    help: "Lines read after their bot's tenure had gone elsewhere: on record, never run.",
  },
} as const;
