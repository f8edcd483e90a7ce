/**
 * Traces of a share of the messages, over OTLP/HTTP. Spans are made by hand at the borders of a message (accepted, turn,
 * delivered): instrumenting Redis was the dearest part of tracing where it was tried, and blocking reads make endless
 * spans. The context travels as a W3C traceparent in the envelope; nothing is kept in AsyncLocalStorage.
 *
 *   gateway  newTrace() -> event.trace ─┬─ worker   record("turn", event.trace, ...)
 *                                       └─ gateway  record("deliver", action.trace, ...)
 *
 * Not promised: that a span arrives. The exporter's queue is bounded (2,048 spans) and drops when its endpoint is away.
 */
import type { Attributes, SpanContext } from "@opentelemetry/api";
import type { Random } from "../kernel/random.ts";

export interface Tracing {
  /** Traceparent for a message that was just accepted, or undefined when it is not of the sampled share. */
  newTrace(): string | undefined;
  /** A finished step of that message. Without a traceparent it costs nothing. Its attributes name no person and no text. */
  record(name: string, trace: string | undefined, step: Step): void;
  /** Sends what is left. */
  stop(): Promise<void>;
}

/** Times in epoch ms. */
export interface Step {
  readonly startedAt: number;
  readonly endedAt: number;
  readonly attributes?: Attributes;
}

export interface TracingOptions {
  /** Empty = no tracing. */
  readonly otlpUrl: string;
  /** Share of messages, 0 to 1. */
  readonly traceRatio: number;
  readonly service: "gateway" | "worker";
  readonly pod: string;
  readonly random: Random;
}

export const noTracing: Tracing = { newTrace: () => undefined, record: () => {}, stop: async () => {} };

/** Loads the SDK only when there is an endpoint: it costs 0.5 s of start and 30 MB. */
export async function startTracing(options: TracingOptions): Promise<Tracing> {
  if (options.otlpUrl === "") return noTracing;
  const [api, { NodeSDK }, { OTLPTraceExporter }] = await Promise.all([
    import("@opentelemetry/api"),
    import("@opentelemetry/sdk-node"),
    import("@opentelemetry/exporter-trace-otlp-http"),
  ]);
  const sdk = new NodeSDK({
    serviceName: `moa-${options.service}`,
    traceExporter: new OTLPTraceExporter({ url: options.otlpUrl }),
    autoDetectResources: false,
    instrumentations: [],
    metricReaders: [],
    logRecordProcessors: [],
  });
  sdk.start();
  const tracer = api.trace.getTracer("moa");
  const pod = { "moa.pod": options.pod };
  return {
    newTrace() {
      if (options.random.next() >= options.traceRatio) return undefined;
      const span = tracer.startSpan("accepted", { root: true, kind: api.SpanKind.PRODUCER, attributes: pod });
      span.end();
      return traceparentOf(span.spanContext());
    },
    record(name, trace, { startedAt, endedAt, attributes }) {
      const parent = contextOf(trace);
      if (parent === undefined) return;
      const context = api.trace.setSpanContext(api.ROOT_CONTEXT, parent);
      const kind = api.SpanKind.CONSUMER;
      tracer
        .startSpan(name, { kind, startTime: startedAt, attributes: { ...pod, ...attributes } }, context)
        .end(endedAt);
    },
    stop: () => sdk.shutdown(),
  };
}

function traceparentOf(context: SpanContext): string {
  return `00-${context.traceId}-${context.spanId}-${context.traceFlags.toString(16).padStart(2, "0")}`;
}

/** Undefined also for what is no traceparent of version 00: another pod's version wrote it. */
function contextOf(trace: string | undefined): SpanContext | undefined {
  const parts = trace === undefined ? null : /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(trace);
  if (parts === null) return undefined;
  const [, traceId = "", spanId = "", flags = ""] = parts;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
}
