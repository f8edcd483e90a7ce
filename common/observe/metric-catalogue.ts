/**
 * Every metric of moa. One entry = one metric; the code takes its handle from `createMetrics`, docs/metrics.md is made
 * from this file. Labels come from closed lists only, and every combination is created at 0 when a pod starts: the first
 * event of a series that did not exist is invisible to increase(). Never a bot, room or user label: such series cost
 * 350 ms of blocked event loop a scrape at 50,000 bots; the log has what concerns one bot.
 */
import { EVIDENCE } from "../contract/evidence.ts";
import { admissionMetrics } from "./admission-metrics.ts";
import { FRAME_FAULTS } from "./frame-faults.ts";
import { laneMetrics } from "./lane-metrics.ts";
import { pingMetrics } from "./ping-metrics.ts";
import { podMetrics } from "./pod-metrics.ts";
import { redisMetrics } from "./redis-metrics.ts";
import { replayMetrics } from "./replay-metrics.ts";
import { traceMetrics } from "./trace-metrics.ts";
import { writerMetrics } from "./writer-metrics.ts";
import { CONNECTION_ROLES, TRANSPORTS, zombieMetrics } from "./zombie-metrics.ts";

const FAST = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** The objectives, 0.5 s in and 2 s out, are edges. */
const DELIVERY = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 2.5, 5, 10];
const OUTCOMES = ["handled", "duplicate", "refused", "parked", "expired"] as const;

export const CLOSE_REASONS = [
  "handshake_timeout",
  "handshake_invalid",
  "protocol_unsupported",
  "frame_too_large",
  "frames_before_handshake",
  "write_queue_full",
  "flood",
  "held_bytes",
  "line_timeout",
  "proxy_header",
  "replaced",
  "half_written",
  ...EVIDENCE,
] as const;
export type CloseReason = (typeof CLOSE_REASONS)[number];

const REFUSE_REASONS = ["proxy_header_invalid", "proxy_header_timeout"] as const;
export type RefuseReason = (typeof REFUSE_REASONS)[number];

type Labels = Readonly<Record<string, readonly string[]>>;
export type MetricSpec =
  | { readonly type: "counter" | "gauge"; readonly name: string; readonly help: string; readonly labels?: Labels }
  | {
      readonly type: "histogram";
      readonly name: string;
      readonly help: string;
      readonly labels?: Labels;
      readonly buckets: readonly number[];
    };

export const metricCatalogue = {
  // gateway: connections
  connectionsOpened: {
    type: "counter",
    name: "moa_connections_opened_total",
    help: "Accepted connections.",
    labels: { transport: TRANSPORTS },
  },
  connectionAgeSeconds: {
    type: "histogram",
    name: "moa_connection_age_seconds",
    help: "Age of connections at their end, by the role they had.",
    labels: { role: CONNECTION_ROLES },
    buckets: [1, 10, 60, 600, 3_600, 21_600, 86_400],
  },
  connectionsMax: {
    type: "gauge",
    name: "moa_connections_max",
    help: "Connections that the pod takes at most (MOA_CONNECTIONS_MAX).",
  },
  connectionsRefused: {
    type: "counter",
    name: "moa_connections_refused_total",
    help: "Connections ended before they were handed to the protocol.",
    labels: { reason: REFUSE_REASONS },
  },
  listenerFull: {
    type: "gauge",
    name: "moa_listener_full",
    help: "1 while the listeners are shut because the pod has all its connections.",
  },
  listenerClosures: {
    type: "counter",
    name: "moa_listener_closures_total",
    help: "Times the listeners were shut because the pod had all its connections.",
  },
  heldBytes: {
    type: "gauge",
    name: "moa_held_bytes",
    help: "Bytes read from sockets and not yet usable: lines without their end, and what waits for a handshake.",
  },
  connectionsClosed: {
    type: "counter",
    name: "moa_connections_closed_total",
    help: "Closed connections by cause.",
    labels: { reason: CLOSE_REASONS },
  },
  handshakeSeconds: {
    type: "histogram",
    name: "moa_handshake_seconds",
    help: "Accept to identified.",
    labels: { result: ["ok", "refused"] },
    buckets: FAST,
  },
  socketBufferedBytes: {
    type: "gauge",
    name: "moa_socket_buffered_bytes",
    help: "Bytes waiting in this pod to be written to sockets.",
  },
  socketBufferedMaxBytes: {
    type: "gauge",
    name: "moa_socket_buffered_max_bytes",
    help: "The same of the connection that has the most.",
  },
  frames: {
    type: "counter",
    name: "moa_frames_total",
    help: "Protocol frames.",
    labels: { direction: ["in", "out"], type: ["handshake", "chat", "ping", "pong", "action"] },
  },
  frameErrors: {
    type: "counter",
    name: "moa_frame_errors_total",
    help: "Frames that could not be used, by fault.",
    labels: { reason: FRAME_FAULTS },
  },
  ...admissionMetrics,
  ...pingMetrics,
  ...replayMetrics,
  ...writerMetrics,
  ...zombieMetrics,
  socketsPaused: {
    type: "gauge",
    name: "moa_sockets_paused",
    help: "Connections not read just now because of back-pressure.",
  },
  // messages
  eventsReceived: {
    type: "counter",
    name: "moa_messages_received_total",
    help: "Events given to the lanes by this gateway, before the append was acknowledged.",
    labels: { kind: ["chat", "receipt"] },
  },
  eventsAppended: {
    type: "counter",
    name: "moa_messages_appended_total",
    help: "Events whose append was acknowledged.",
    labels: { kind: ["chat", "receipt"] },
  },
  eventsNotAccepted: {
    type: "counter",
    name: "moa_messages_not_accepted_total",
    help: "Chat lines refused before the lane.",
    labels: { reason: ["room_quota", "twin", "unsigned", "bad_signature", "no_key", "source"] },
  },
  eventsHandled: {
    type: "counter",
    name: "moa_messages_handled_total",
    help: "Terminal outcomes of events, counted by the worker whose commit was acknowledged.",
    labels: { kind: ["chat", "receipt"], outcome: OUTCOMES },
  },
  deliverySeconds: {
    type: "histogram",
    name: "moa_delivery_seconds",
    help: "Legs of a message. in: frame read to append acknowledged; dispatch: frame read to turn started; out: frame read to answer written.",
    labels: { leg: ["in", "dispatch", "out"] },
    buckets: DELIVERY,
  },
  actionsDelivered: {
    type: "counter",
    name: "moa_actions_delivered_total",
    help: "Actions at the gateway by what became of them; known: confirmed a moment ago and offered again.",
    labels: { result: ["confirmed", "expired", "unshowable", "known", "dropped", "held"] },
  },
  actionsWithoutWriter: {
    type: "counter",
    name: "moa_actions_without_writer_total",
    help: "Actions enqueued for a bot that has no connection (unattended), and actions that gave way there to newer ones or were long expired (dropped).",
    labels: { what: ["unattended", "dropped"] },
  },
  actionsRedelivered: {
    type: "counter",
    name: "moa_messages_redelivered_total",
    help: "Actions written though a former writer may have written them; each is labelled on the wire.",
    labels: { cause: ["failover"] },
  },
  sequenceGaps: {
    type: "counter",
    name: "moa_outbox_stream_reads_total",
    help: "Times a gateway read a bot's stream, by what made it.",
    labels: { cause: ["attached", "gap", "dirty", "renewed", "generation"] },
  },
  ...laneMetrics,
  duplicatesSuppressed: {
    type: "counter",
    name: "moa_duplicates_suppressed_total",
    help: "Repeats stopped, by sink.",
    labels: { layer: ["append", "seen", "mysql", "outbox", "commit", "rows"] },
  },
  fencingRejections: {
    type: "counter",
    name: "moa_fencing_rejections_total",
    help: "Operations refused because a newer owner exists: the guard at work.",
    labels: { point: ["commit", "outbox", "mysql", "attempt", "gateway_send", "redis_script"] },
  },
  turnSeconds: {
    type: "histogram",
    name: "moa_worker_handle_seconds",
    help: "One turn, from its start to its decision.",
    labels: { outcome: ["ok", "failed"] },
    buckets: FAST,
  },
  // approvals
  approvalsAsked: {
    type: "counter",
    name: "moa_approvals_asked_total",
    help: "What MySQL said of devices and rooms that this pod asked for; unknown: it said nothing for too long.",
    labels: {
      kind: ["device", "room"],
      status: ["pending", "approved", "denied", "revoked", "blocked", "unknown"],
    },
  },
  // rows
  rowsWritten: { type: "counter", name: "moa_chat_log_rows_total", help: "Chat-log rows committed to MySQL." },
  rowsRefused: {
    type: "counter",
    name: "moa_chat_log_rows_refused_total",
    help: "Chat-log rows left out because they are unreadable or MySQL refuses their values for good.",
  },
  rowsBacklog: {
    type: "gauge",
    name: "moa_chat_log_backlog_entries",
    help: "Row entries in Redis not yet in MySQL, over the lanes of this row writer.",
  },
  rowsBatchSeconds: {
    type: "histogram",
    name: "moa_chat_log_batch_seconds",
    help: "One transaction of the row writer.",
    labels: { result: ["ok", "moved", "error"] },
    buckets: FAST,
  },
  rowsDropped: {
    type: "counter",
    name: "moa_rows_dropped_total",
    help: "Rows dropped because they were past their days.",
    labels: { table: ["kb_chat_logs", "kb_ping_monitor", "moa_audit", "moa_seen_events", "moa_outbox"] },
  },
  // platform
  ...redisMetrics,
  ...podMetrics,
  ...traceMetrics,
} as const satisfies Record<string, MetricSpec>;
