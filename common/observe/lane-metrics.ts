/** The part of the catalogue (metric-catalogue.ts) about lanes, the rows and jobs behind them. */
import { queues } from "../contract/queues.ts";

const JOB = [0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 60, 300];

export const laneMetrics = {
  lanesOwned: { type: "gauge", name: "moa_lanes_owned", help: "Lanes owned by this worker." },
  laneTakeovers: {
    type: "counter",
    name: "moa_lane_takeovers_total",
    help: "Lanes taken by this worker: clean after a release, abrupt after a death.",
    labels: { kind: ["clean", "abrupt"] },
  },
  laneBacklogEvents: {
    type: "gauge",
    name: "moa_lane_backlog_events",
    help: "Events appended and not yet done, over the lanes owned by this worker.",
  },
  laneOldestSeconds: {
    type: "gauge",
    name: "moa_lane_oldest_event_age_seconds",
    help: "Age of the oldest event not yet done, over the lanes owned by this worker.",
  },
  laneUnaccountedEvents: {
    type: "gauge",
    name: "moa_lane_unaccounted_events",
    help: "Events of the owned lanes that were taken in and are neither done nor in the lane, or done and never taken in. Must stay 0.",
  },
  laneReadAt: {
    type: "gauge",
    name: "moa_lane_last_read_timestamp_seconds",
    help: "Unix time at which a read of lanes last came back to this worker, with or without events; 0 before the first.",
  },
  parkedEvents: {
    type: "gauge",
    name: "moa_parked_events",
    help: "Events put aside for an operator, over the owned lanes.",
  },
  outboxOpenRows: { type: "gauge", name: "moa_outbox_open_rows", help: "MySQL outbox rows without a receipt." },
  outboxOldestSeconds: {
    type: "gauge",
    name: "moa_outbox_oldest_age_seconds",
    help: "Age of the oldest open MySQL outbox row.",
  },
  outboxSweptAt: {
    type: "gauge",
    name: "moa_outbox_swept_timestamp_seconds",
    help: "Unix time at which this pod last looked at the MySQL outbox; one pod at a time does, and what the others say of it is old.",
  },
  jobs: {
    type: "counter",
    name: "moa_jobs_total",
    help: "Jobs run by this pod.",
    labels: { queue: Object.keys(queues), outcome: ["ok", "failed"] },
  },
  jobSeconds: {
    type: "histogram",
    name: "moa_job_seconds",
    help: "Runs of jobs.",
    labels: { queue: Object.keys(queues) },
    buckets: JOB,
  },
} as const;
