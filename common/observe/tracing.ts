/**
 * Traces of a share of the lines, and of every failover and every act of an operator, over OTLP/HTTP. Spans are made by
 * hand where a line changes hands (span-catalogue.ts draws them): instrumenting Redis was the dearest part of tracing
 * where it was tried, and blocking reads make endless spans. The context travels as a W3C traceparent in the envelope;
 * nothing is kept in AsyncLocalStorage.
 *
 *   gateway  samples()? ── no ──> nothing is made, here or downstream
 *               └ yes ──> root ─> next ─> event.trace ──> worker: next ─> action.trace ──> gateway: next
 *
 * Whether a line is sampled is decided once, where it comes in; who is downstream follows the flag in its traceparent,
 * whatever his own share is.
 *
 * Not promised: that a span arrives. At most `spansWaitingMax` wait for the endpoint; what is beyond that, and what the
 * endpoint did not take, is counted (span-queue.ts).
 */
import type { Attributes, Context, Tracer } from "@opentelemetry/api";
import { limits } from "../contract/limits.ts";
import type { Random } from "../kernel/random.ts";
import type { Metrics } from "./metrics.ts";
import { SPAN_KEYS, type SpanName, spanCatalogue } from "./span-catalogue.ts";
import { SpanQueue } from "./span-queue.ts";
import { sampledContextOf, traceparentOf } from "./traceparent.ts";

/** One that was begun. Times are epoch ms. */
export interface TraceSpan {
  /** Its traceparent: what the next step is a child of. */
  readonly trace: string;
  event(name: string, at: number): void;
  end(at: number, attributes?: Attributes): void;
}

export interface SpanBegin {
  readonly at: number;
  /** They name no person, no room and no text. */
  readonly attributes?: Attributes;
  /** Traceparents. */
  readonly links?: readonly string[];
}

export interface Tracing {
  /** Whether the line that was just accepted is of the sampled share. */
  samples(): boolean;
  /**
   * Begins a trace. Undefined where nothing is traced.
   * @param own its traceparent, where others know it without being told; else a random one
   */
  root(name: SpanName, begin: SpanBegin, own?: string): TraceSpan | undefined;
  /** Begins the next step of a trace. Undefined when that is not sampled, and where nothing is traced. */
  next(name: SpanName, trace: string, begin: SpanBegin): TraceSpan | undefined;
  /** Sends what is left. */
  stop(): Promise<void>;
}

export interface TracingOptions {
  /** Empty = no tracing. */
  readonly otlpUrl: string;
  /** Share of lines, 0 to 1. */
  readonly traceRatio: number;
  readonly service: "gateway" | "worker";
  readonly pod: string;
  readonly random: Random;
  readonly metrics: Pick<Metrics, "spans">;
}

export const noTracing: Tracing = {
  samples: () => false,
  root: () => undefined,
  next: () => undefined,
  stop: async () => {},
};

/** Loads the SDK only when there is an endpoint: it costs 0.5 s of start and 30 MB. */
export async function startTracing(options: TracingOptions): Promise<Tracing> {
  const { service, random, metrics } = options;
  if (options.otlpUrl === "") return noTracing;
  const [api, { NodeSDK }, { OTLPTraceExporter }] = await Promise.all([
    import("@opentelemetry/api"),
    import("@opentelemetry/sdk-node"),
    import("@opentelemetry/exporter-trace-otlp-http"),
  ]);
  const queue = new SpanQueue(
    new OTLPTraceExporter({ url: options.otlpUrl, timeoutMillis: limits.otlpMsMax }),
    metrics,
  );
  const ids = new Ids(random);
  const sdk = new NodeSDK({
    serviceName: `moa-${service}`,
    traceExporter: queue,
    // What is begun is sampled: the environment must not decide otherwise.
    sampler: { shouldSample: () => ({ decision: api.SamplingDecision.RECORD_AND_SAMPLED }), toString: () => "moa" },
    idGenerator: ids,
    autoDetectResources: false,
    instrumentations: [],
    metricReaders: [],
    logRecordProcessors: [],
  });
  sdk.start();
  const maker = new SpanMaker(api, { ...options, queue, tracer: api.trace.getTracer("moa") });
  return {
    samples: () => random.next() < options.traceRatio,
    root: (name, begin, own) => ids.as(own, () => maker.make(name, begin, api.ROOT_CONTEXT)),
    next(name, trace, begin) {
      const parent = sampledContextOf(trace);
      return parent && maker.make(name, begin, api.trace.setSpanContext(api.ROOT_CONTEXT, parent));
    },
    // The API's globals are the first SDK's until they are given back.
    stop: () => sdk.shutdown().finally(() => api.trace.disable()),
  };
}

type Api = typeof import("@opentelemetry/api");

class SpanMaker {
  readonly #api: Api;
  readonly #options: { readonly pod: string; readonly queue: SpanQueue; readonly tracer: Tracer };

  constructor(api: Api, options: { readonly pod: string; readonly queue: SpanQueue; readonly tracer: Tracer }) {
    this.#api = api;
    this.#options = options;
  }

  make(name: SpanName, { at, attributes, links = [] }: SpanBegin, parent: Context): TraceSpan {
    const { SpanKind, SpanStatusCode } = this.#api;
    const { pod, queue, tracer } = this.#options;
    const spec = spanCatalogue[name];
    const span = tracer.startSpan(
      spec.name,
      {
        kind: SpanKind[spec.kind],
        startTime: at,
        attributes: { ...spec.attributes, [SPAN_KEYS.pod]: pod, ...attributes },
        links: links.flatMap((link) => {
          const context = sampledContextOf(link);
          return context === undefined ? [] : [{ context }];
        }),
      },
      parent,
    );
    return {
      trace: traceparentOf(span.spanContext()),
      event: (what, when) => void span.addEvent(what, when),
      end(when, more = {}) {
        if (!queue.tryTake()) return;
        span.setAttributes(more);
        if (SPAN_KEYS.error in more) span.setStatus({ code: SpanStatusCode.ERROR });
        span.end(when);
      },
    };
  }
}

/** Random ids, and for a root that asks for it the ones that it asks for. */
class Ids {
  readonly #random: Random;
  #own: { readonly traceId: string; readonly spanId: string } | undefined;

  constructor(random: Random) {
    this.#random = random;
  }

  as<Made>(own: string | undefined, make: () => Made): Made {
    this.#own = own === undefined ? undefined : sampledContextOf(own);
    const made = make();
    this.#own = undefined;
    return made;
  }

  generateTraceId(): string {
    return this.#own?.traceId ?? this.#random.hex(16);
  }

  generateSpanId(): string {
    return this.#own?.spanId ?? this.#random.hex(8);
  }
}
