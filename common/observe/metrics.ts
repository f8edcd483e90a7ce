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
    const childOf = finder(labelNames, combinations, (labels) => metric.labels(labels));
    return { observe: (seconds: number, labels?: Labels) => childOf(labels).observe(seconds) };
  }
  const cells: Cell[] = [];
  const cellOf = finder(labelNames, combinations, (labels) => {
    const cell = { labels, value: 0 };
    cells.push(cell);
    return cell;
  });
  const inc = (by: number, labels?: Labels) => {
    cellOf(labels).value += by;
  };
  if (spec.type === "counter") {
    new Counter<string>({
      ...common,
      collect() {
        this.reset();
        for (const { labels, value } of cells) this.inc(labels, value);
      },
    });
    return { inc };
  }
  new Gauge<string>({
    ...common,
    collect() {
      for (const { labels, value } of cells) this.set(labels, value);
    },
  });
  const set = (value: number, labels?: Labels) => {
    cellOf(labels).value = value;
  };
  return { inc, set };
}

type Labels = Readonly<Record<string, string>>;

/** A counter's or gauge's value, told to prom-client when somebody asks: it hashes all labels at each call. */
interface Cell {
  readonly labels: Labels;
  value: number;
}

/** Makes one thing for each combination of labels; they are found by the labels' values. */
function finder<Made>(
  names: readonly string[],
  combinations: readonly Labels[],
  make: (labels: Labels) => Made,
): (labels?: Labels) => Made {
  const [first, ...rest] = names;
  if (first === undefined) {
    const made = make({});
    return () => made;
  }
  const keyOf = (labels: Labels) => {
    let key = labels[first] as string;
    for (const name of rest) key += `,${labels[name]}`;
    return key;
  };
  const made = new Map(combinations.map((labels) => [keyOf(labels), make(labels)]));
  if (rest.length === 0) return (labels) => made.get(labels?.[first] as string) as Made;
  return (labels) => made.get(keyOf(labels as Labels)) as Made;
}

function product(labels: Readonly<Record<string, readonly string[]>>): Record<string, string>[] {
  let all: Record<string, string>[] = [{}];
  for (const [name, values] of Object.entries(labels)) {
    all = all.flatMap((head) => values.map((value) => ({ ...head, [name]: value })));
  }
  return all;
}
