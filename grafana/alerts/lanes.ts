/** Lanes and what hangs on them: events that nobody handles, parked ones, the chat log, the MySQL outbox and its jobs. */
import { limits } from "#common/contract/limits.ts";
import { queues } from "#common/contract/queues.ts";
import { type Alert, COUNT, DEPLOYMENT, NAMED, POD } from "./alert.ts";

const board = "moa-lanes";
/** Half of the time after which an answer is too late. */
const STUCK = limits.actionMsMax / 2_000;
const BACKLOG = limits.laneBacklogEventsMax / 5;
/** A row is closed by its receipt, or when it is past its deadline and margin; half as long again. */
const OUTBOX = (1.5 * (limits.actionMsMax + limits.dedupeBeyondDeadlineMs)) / 1_000;
const SWEPT = (12 * queues["outbox-sweep"].everyMs) / 1_000;
const READ = Math.ceil((10 * (limits.blockingReadMs + limits.blockingReadGraceMs)) / 1_000);
const CHAT_LOG = 20 * limits.rowsPerTransactionMax;

export const laneAlerts: readonly Alert[] = [
  {
    name: "MoaEventsUnaccounted",
    severity: "page",
    board,
    expr: `sum ${DEPLOYMENT} (moa_lane_unaccounted_events) > 0`,
    for: "30s",
    summary: `${COUNT} events are neither done nor in a lane, or were done without having been taken in`,
    description:
      "Every event that was accepted is handled, duplicate, refused, parked, expired or in its lane. These are not: lines of people may be lost.",
    fires: {
      series: { 'moa_lane_unaccounted_events{pod="a"}': "0 0 3x9", 'moa_lane_unaccounted_events{pod="b"}': "0x9" },
      at: "4m",
      says: "3 events are neither done nor in a lane, or were done without having been taken in",
    },
    quiet: {
      series: { moa_lane_unaccounted_events: "0x9", moa_lane_backlog_events: "500x9" },
      at: "4m",
      because: "what waits in its lane is accounted for",
    },
  },
  {
    name: "MoaLaneStuck",
    severity: "page",
    board,
    expr: `max ${DEPLOYMENT} (moa_lane_oldest_event_age_seconds) > ${STUCK}`,
    for: "1m",
    summary: "The oldest line that is not done is {{ $value | humanizeDuration }} old",
    description: `People wait for their answers, which come to nothing when they are ${limits.actionMsMax / 1_000} s late.`,
    fires: {
      series: {
        'moa_lane_oldest_event_age_seconds{namespace="prod",pod="worker-1"}': "0 60 120 180 240",
        'moa_lane_oldest_event_age_seconds{namespace="staging",pod="worker-1"}': "1x9",
      },
      at: "4m",
      labels: { namespace: "prod" },
      says: "The oldest line that is not done is 4m 0s old",
    },
    quiet: {
      series: { 'moa_lane_oldest_event_age_seconds{pod="worker-1"}': "50x9" },
      at: "4m",
      because: "late, and moving",
    },
  },
  {
    name: "MoaLaneBacklogHigh",
    severity: "ticket",
    board,
    expr: `max ${POD} (moa_lane_backlog_events) > ${BACKLOG}`,
    for: "5m",
    summary: `${COUNT} lines wait in the lanes of ${NAMED}`,
    description: `More comes in than is handled. A lane with ${limits.laneBacklogEventsMax} waiting takes no more, and gateways stop reading phones.`,
    fires: {
      series: { 'moa_lane_backlog_events{pod="worker-1"}': "25000x9" },
      at: "8m",
      labels: { pod: "worker-1" },
      says: "25000 lines wait in the lanes of worker-1",
    },
    quiet: {
      series: { 'moa_lane_backlog_events{pod="worker-1"}': "25000x3 100x9" },
      at: "8m",
      because: "a burst that was worked off",
    },
  },
  {
    name: "MoaLanesUnowned",
    severity: "page",
    board,
    expr: `moa:lanes_owned:sum < quantile_over_time(0.5, moa:lanes_owned:sum[6h])`,
    for: "2m",
    summary: `Only ${COUNT} lanes have an owner; there were more`,
    description:
      "Lines of some rooms are appended and not read. A dead worker's lanes are taken over within 4 s, so nobody is there to take them, or takes fail.",
    fires: {
      series: { 'moa_lanes_owned{pod="a"}': "8x40", 'moa_lanes_owned{pod="b"}': "8x29 _x9" },
      at: "38m",
      says: "Only 8 lanes have an owner; there were more",
    },
    quiet: {
      series: { 'moa_lanes_owned{pod="a"}': "8x30 16x9", 'moa_lanes_owned{pod="b"}': "8x29 _x9" },
      at: "38m",
      because: "the other worker took them all",
    },
  },
  {
    name: "MoaLaneReadsStalled",
    severity: "page",
    board,
    expr: `time() - max ${POD} (moa_lane_last_read_timestamp_seconds) > ${READ} and max ${POD} (moa_lanes_owned) > 0`,
    for: "1m",
    summary: `${NAMED} owns lanes and has not read them for {{ $value | humanizeDuration }}`,
    description: `A read comes back every ${limits.blockingReadMs / 1_000} s, also with nothing. This worker keeps its lanes from others, and its rooms from answers.`,
    fires: {
      series: {
        'moa_lane_last_read_timestamp_seconds{pod="worker-1"}': "0 60x9",
        'moa_lanes_owned{pod="worker-1"}': "8x9",
      },
      at: "4m",
      labels: { pod: "worker-1" },
      says: "worker-1 owns lanes and has not read them for 3m 0s",
    },
    quiet: {
      series: {
        'moa_lane_last_read_timestamp_seconds{pod="worker-1"}': "0+60x9",
        'moa_lanes_owned{pod="worker-1"}': "8x9",
        'moa_lane_last_read_timestamp_seconds{pod="gateway-1"}': "0x9",
        'moa_lanes_owned{pod="gateway-1"}': "0x9",
      },
      at: "4m",
      because: "the one reads, the other has no lanes",
    },
  },
  {
    name: "MoaEventsParked",
    severity: "ticket",
    board,
    expr: `sum ${DEPLOYMENT} (moa_parked_events) > 0`,
    for: "15m",
    summary: `${COUNT} events are put aside for an operator`,
    description: `Lines of people that were not handled. A lane keeps ${limits.parkedPerLaneMax}; the oldest give way to newer ones.`,
    fires: {
      series: { moa_parked_events: "0 2x30" },
      at: "20m",
      says: "2 events are put aside for an operator",
    },
    quiet: { series: { moa_parked_events: "0 2x9 0x30" }, at: "20m", because: "somebody has looked after them" },
  },
  {
    name: "MoaChatLogRowsLost",
    severity: "page",
    board,
    expr: `sum ${DEPLOYMENT} (increase(moa_chat_log_rows_refused_total[15m])) > 0`,
    summary: `${COUNT} lines were left out of the chat log`,
    description:
      "MySQL refuses their values for good, or nobody can read them. The lines were answered; their record is gone.",
    fires: {
      series: { moa_chat_log_rows_refused_total: "0x5 14x5" },
      at: "8m",
      says: "14 lines were left out of the chat log",
    },
    quiet: { series: { moa_chat_log_rows_refused_total: "14x30" }, at: "30m", because: "it was long ago" },
  },
  {
    name: "MoaChatLogBehind",
    severity: "ticket",
    board,
    expr: `sum ${DEPLOYMENT} (moa_chat_log_backlog_entries) > ${CHAT_LOG}`,
    for: "10m",
    summary: `${COUNT} entries of the chat log wait in Redis for MySQL`,
    description: "Nobody's answer waits for them, and Redis' memory fills.",
    fires: {
      series: { moa_chat_log_backlog_entries: "0+5000x30" },
      at: "20m",
      says: "100000 entries of the chat log wait in Redis for MySQL",
    },
    quiet: { series: { moa_chat_log_backlog_entries: "30000x5 100x30" }, at: "20m", because: "it was caught up" },
  },
  {
    name: "MoaOutboxStuck",
    severity: "page",
    board,
    expr: `max ${DEPLOYMENT} (moa_outbox_oldest_age_seconds and on (namespace, pod, instance) time() - moa_outbox_swept_timestamp_seconds < ${SWEPT}) > ${OUTBOX}`,
    for: "1m",
    summary: "The oldest answer that MySQL holds open is {{ $value | humanizeDuration }} old",
    description: `A row is closed by its receipt, or as expired after ${(limits.actionMsMax + limits.dedupeBeyondDeadlineMs) / 1_000} s. Receipts do not come, or rows cannot be closed.`,
    fires: {
      series: {
        'moa_outbox_oldest_age_seconds{pod="a"}': "240+60x9",
        'moa_outbox_swept_timestamp_seconds{pod="a"}': "0+60x9",
      },
      at: "4m",
      says: "The oldest answer that MySQL holds open is 8m 0s old",
    },
    quiet: {
      series: {
        'moa_outbox_oldest_age_seconds{pod="a"}': "0x9",
        'moa_outbox_swept_timestamp_seconds{pod="a"}': "0+60x9",
        'moa_outbox_oldest_age_seconds{pod="b"}': "400x9",
        'moa_outbox_swept_timestamp_seconds{pod="b"}': "0x9",
      },
      at: "4m",
      because: "who looked last says so, and who looked long ago does not count",
    },
  },
  {
    name: "MoaOutboxNotSwept",
    severity: "ticket",
    board,
    expr: `time() - max ${DEPLOYMENT} (moa_outbox_swept_timestamp_seconds) > ${SWEPT} and sum ${DEPLOYMENT} (moa_lanes_owned) > 0`,
    for: "5m",
    summary: "Nobody has looked at the MySQL outbox for {{ $value | humanizeDuration }}",
    description: `It is looked at every ${queues["outbox-sweep"].everyMs / 1_000} s. What a dying worker left half done waits for that, and MoaOutboxStuck is blind.`,
    fires: {
      series: { moa_outbox_swept_timestamp_seconds: "0 60x15", moa_lanes_owned: "16x15" },
      at: "10m",
      says: "Nobody has looked at the MySQL outbox for 9m 0s",
    },
    quiet: {
      series: {
        'moa_outbox_swept_timestamp_seconds{pod="a"}': "0x15",
        'moa_outbox_swept_timestamp_seconds{pod="b"}': "0+60x15",
        moa_lanes_owned: "16x15",
      },
      at: "10m",
      because: "one pod does it at a time",
    },
  },
  {
    name: "MoaJobsFail",
    severity: "ticket",
    board,
    expr: `sum by (namespace, queue) (increase(moa_jobs_total{outcome="failed"}[30m])) > 3`,
    summary: `${COUNT} runs of {{ $labels.queue }} failed within 30 minutes`,
    description: "The log of the worker that ran it says why.",
    fires: {
      series: { 'moa_jobs_total{outcome="failed",queue="retention"}': "0+1x40" },
      at: "35m",
      labels: { queue: "retention" },
      says: "30 runs of retention failed within 30 minutes",
    },
    quiet: {
      series: {
        'moa_jobs_total{outcome="failed",queue="retention"}': "0x5 2x35",
        'moa_jobs_total{outcome="ok",queue="retention"}': "0+1x40",
      },
      at: "35m",
      because: "two failed, and later ones did not",
    },
  },
];
