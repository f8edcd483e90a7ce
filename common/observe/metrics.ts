/**
 * Typed handles of the metric catalogue on a prom-client registry. Every label combination exists from the start, and
 * its child is bound once.
 */
import { Counter, collectDefaultMetrics, Gauge, type Histogram, Registry } from "prom-client";
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
    const all: Series[] = [];
    const seriesOf = finder(labelNames, combinations, (labels) => {
      const series = { labels, counts: new Float64Array(spec.buckets.length + 1), sum: 0 };
      all.push(series);
      return series;
    });
    const get = async () => ({ ...common, type: "histogram", values: all.flatMap((one) => samplesOf(spec, one)) });
    // What the registry asks of a metric is its name and this; its type wants prom-client's own classes.
    registry.registerMetric({ name: spec.name, get } as unknown as Histogram<string>);
    return { observe: (seconds: number, labels?: Labels) => count(seriesOf(labels), spec.buckets, seconds) };
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

/** One combination of a histogram's labels. As a cell: prom-client finds a bucket by its number as text. */
interface Series {
  readonly labels: Labels;
  /** By the bucket that a value falls into; the last one is for what is beyond all bounds. */
  readonly counts: Float64Array;
  sum: number;
}

function count(series: Series, bounds: readonly number[], value: number): void {
  let i = 0;
  while (i < bounds.length && value > (bounds[i] as number)) i++;
  series.counts[i] = (series.counts[i] as number) + 1;
  series.sum += value;
}

/** As the text format wants them: a bucket has all that is below its bound. */
function samplesOf(spec: Extract<MetricSpec, { type: "histogram" }>, { labels, counts, sum }: Series): object[] {
  let below = 0;
  const bounds = [...spec.buckets, "+Inf"];
  const buckets = bounds.map((le, i) => {
    below += counts[i] as number;
    return { metricName: `${spec.name}_bucket`, labels: { le, ...labels }, value: below };
  });
  const total = { metricName: `${spec.name}_count`, labels, value: below };
  return [...buckets, { metricName: `${spec.name}_sum`, labels, value: sum }, total];
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
