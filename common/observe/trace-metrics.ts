/** The part of the catalogue (metric-catalogue.ts) about traces. */
export const traceMetrics = {
  spans: {
    type: "counter",
    name: "moa_trace_spans_total",
    help: "Spans that ended in this pod: taken by the OTLP endpoint (sent), refused or not answered by it (failed), or dropped because too many waited for it (dropped).",
    labels: { result: ["sent", "failed", "dropped"] },
  },
} as const;
