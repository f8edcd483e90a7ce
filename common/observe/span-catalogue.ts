/**
 * Every span of moa, by what it is called in the code. This is the only place that knows OpenTelemetry's conventions for
 * messaging (v1.44, still in development): when they change, they change here.
 *
 *   receive bridge ─> send in:{lane} ─> process in:{lane} ─> send out:{bot} ─> process out:{bot} ─> ack out:{bot}
 *      gateway           gateway            worker              worker             gateway            gateway
 *                            └──link── receive in:{lane} ──link─┘: the entry, with all of its lines that are sampled
 *
 *   writer.tenure <──link── writer.failover ──link──> writer.tenure <──link── process out:{bot}
 *
 * A line's spans are one trace, each the child of the one before: the conventions would rather have links, and people who
 * look for one line want one picture. Names and attributes say which lane and pod, never which bot, room or person; what
 * concerns one event is found by its id, which is a hash.
 */
import type { Attributes } from "@opentelemetry/api";

interface SpanSpec {
  readonly name: string;
  readonly kind: "INTERNAL" | "SERVER" | "CLIENT" | "PRODUCER" | "CONSUMER";
  readonly attributes: Attributes;
}

export const spanCatalogue = {
  lineReceived: messaging("moa_bridge", "SERVER", { does: "receive", of: "bridge" }),
  laneAppend: messaging("redis_streams", "PRODUCER", { does: "send", of: "in:{lane}" }),
  laneRead: messaging("redis_streams", "CLIENT", { does: "receive", of: "in:{lane}" }),
  turn: messaging("redis_streams", "CONSUMER", { does: "process", of: "in:{lane}" }),
  enqueue: messaging("redis_streams", "PRODUCER", { does: "send", of: "out:{bot}" }),
  write: messaging("redis_streams", "CONSUMER", { does: "process", of: "out:{bot}" }),
  confirmation: messaging("redis_streams", "CLIENT", { does: "ack", of: "out:{bot}", type: "settle" }),
  tenure: { name: "writer.tenure", kind: "INTERNAL", attributes: {} },
  failover: { name: "writer.failover", kind: "INTERNAL", attributes: {} },
  operator: { name: "operator", kind: "SERVER", attributes: {} },
} as const satisfies Record<string, SpanSpec>;

export type SpanName = keyof typeof spanCatalogue;

/** Keys of the attributes that differ from span to span. */
export const SPAN_KEYS = {
  eventId: "messaging.message.id",
  lane: "messaging.destination.partition.id",
  lines: "messaging.batch.message_count",
  pod: "messaging.client.id",
  error: "error.type",
  outcome: "moa.outcome",
  resent: "moa.resent",
  reason: "moa.reason",
  epoch: "moa.epoch",
  fromEpoch: "moa.epoch.from",
  route: "moa.operator.route",
} as const;

function messaging(
  system: string,
  kind: SpanSpec["kind"],
  { does, of, type = does }: { readonly does: string; readonly of: string; readonly type?: string },
): SpanSpec {
  return {
    name: `${does} ${of}`,
    kind,
    attributes: {
      "messaging.system": system,
      "messaging.operation.name": does,
      "messaging.operation.type": type,
      "messaging.destination.template": of,
    },
  };
}
