/**
 * Typed handles of the metric catalogue on a prom-client registry. Every label combination exists from the start, and
 * its child is bound once.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { type MetricSpec, metricCatalogue } from "./metric-catalogue.ts";

type Catalogue = typeof metricCatalogue;
type LabelsOf<S> = S extends { labels: infer L extends Record<string, readonly string[]> }
  ? { readonly [K in keyof L]: L[K][number] }
  : undefined;
type Args<S> = LabelsOf<S> extends undefined ? [] : [labels: LabelsOf<S>];

interface CounterHandle<S> {
  inc(by: number, ...labels: Args<S>): void;
}
interface GaugeHandle<S> {
  set(value: number, ...labels: Args<S>): void;
  inc(by: number, ...labels: Args<S>): void;
}
interface HistogramHandle<S> {
  observe(seconds: number, ...labels: Args<S>): void;
}

export type Metrics = {
  readonly [K in keyof Catalogue]: Catalogue[K]["type"] extends "counter"
    ? CounterHandle<Catalogue[K]>
    : Catalogue[K]["type"] extends "gauge"
      ? GaugeHandle<Catalogue[K]>
      : HistogramHandle<Catalogue[K]>;
};

export interface MetricsOfPod {
  readonly metrics: Metrics;
  /** Prometheus text format. */
  expose(): Promise<string>;
  readonly contentType: string;
}

/** @param processMetrics also Node's own (event loop, GC, memory); off in simulations */
export function createMetrics(processMetrics: boolean): MetricsOfPod {
  const registry = new Registry();
  if (processMetrics) collectDefaultMetrics({ register: registry });
  const handles: Record<string, unknown> = {};
  for (const [key, spec] of Object.entries(metricCatalogue)) handles[key] = bind(registry, spec);
  return {
    metrics: handles as unknown as Metrics,
    expose: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

function bind(registry: Registry, spec: MetricSpec): object {
  const labelNames = Object.keys(spec.labels ?? {});
  const common = { name: spec.name, help: spec.help, labelNames, registers: [registry] };
  const combinations = product(spec.labels ?? {});
  if (spec.type === "histogram") {
    const metric = new Histogram<string>({ ...common, buckets: [...spec.buckets] });
    for (const labels of combinations) metric.zero(labels);
    const childOf = children(labelNames, combinations, (labels) => metric.labels(labels));
    return { observe: (seconds: number, labels?: Labels) => childOf(labels).observe(seconds) };
  }
  const metric = spec.type === "counter" ? new Counter<string>(common) : new Gauge<string>(common);
  for (const labels of combinations) metric.inc(labels, 0);
  if (metric instanceof Counter) {
    const childOf = children(labelNames, combinations, (labels) => metric.labels(labels));
    return { inc: (by: number, labels?: Labels) => childOf(labels).inc(by) };
  }
  const childOf = children(labelNames, combinations, (labels) => metric.labels(labels));
  return {
    inc: (by: number, labels?: Labels) => childOf(labels).inc(by),
    set: (value: number, labels?: Labels) => childOf(labels).set(value),
  };
}

type Labels = Readonly<Record<string, string>>;

/** prom-client finds a series by hashing all its labels each time; these are found by their values. */
function children<Child>(
  names: readonly string[],
  combinations: readonly Labels[],
  make: (labels: Labels) => Child,
): (labels?: Labels) => Child {
  const keyOf = (labels: Labels) => names.map((name) => labels[name]).join();
  const made = new Map(combinations.map((labels) => [keyOf(labels), make(labels)]));
  const [only] = names;
  if (only === undefined) {
    const child = make({});
    return () => child;
  }
  if (names.length === 1) return (labels) => made.get(labels?.[only] as string) as Child;
  return (labels) => made.get(keyOf(labels as Labels)) as Child;
}

function product(labels: Readonly<Record<string, readonly string[]>>): Record<string, string>[] {
  let all: Record<string, string>[] = [{}];
  for (const [name, values] of Object.entries(labels)) {
    all = all.flatMap((head) => values.map((value) => ({ ...head, [name]: value })));
  }
  return all;
}
