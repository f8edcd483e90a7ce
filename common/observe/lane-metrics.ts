/** The part of the catalogue (metric-catalogue.ts) about lanes, the rows and jobs behind them. */
import { queues } from "../contract/queues.ts";

const FAST = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const JOB = [0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 60, 300];

export const JOB_STATES = ["waiting", "active", "delayed", "failed"] as const;

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
  laneCommitSeconds: {
    type: "histogram",
    name: "moa_lane_commit_seconds",
    help: "Calls that put on record what became of a lane's events, each from its sending to its acknowledgement; one is for many events.",
    buckets: FAST,
  },
  outboxEnqueueSeconds: {
    type: "histogram",
    name: "moa_outbox_enqueue_seconds",
    help: "Calls that put answers into the outboxes, each from its sending to its acknowledgement; one is for many answers.",
    buckets: FAST,
  },
  workerSlots: {
    type: "gauge",
    name: "moa_worker_slots",
    help: "Events that this worker takes in hand at most: so many for each lane that it owns.",
  },
  workerSlotsInUse: {
    type: "gauge",
    name: "moa_worker_slots_in_use",
    help: "Events that this worker has in hand, read and not yet committed.",
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
  queuedJobs: {
    type: "gauge",
    name: "moa_queued_jobs",
    help: "Jobs of a queue by their state, as this pod last saw it; all pods see the same. failed: kept for a look, at most 100.",
    labels: { queue: Object.keys(queues), state: JOB_STATES },
  },
  scheduledSendings: {
    type: "counter",
    name: "moa_scheduled_sendings_total",
    help: "Sendings of schedules by what became of them; partial: some of it was shown; missed: nothing ran when it was due.",
    labels: { outcome: ["success", "partial", "failed", "missed"] },
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
