/**
 * PromQL over our own metrics, by their keys in the catalogue: a metric, label or value that is not there does not
 * compile. Everything is narrowed to the namespaces and pods that the dashboard's reader has chosen.
 *
 * Rates are over Grafana's own window (at least four scrapes). What happens a few times a day is counted over `recent`: a
 * quantile of a minute in which nothing happened is none.
 */
import { type MetricSpec, metricCatalogue } from "#common/observe/metric-catalogue.ts";
import { le } from "../alerts/alert.ts";
import type { Query } from "./panel.ts";

type Catalogue = typeof metricCatalogue;
type Key = keyof Catalogue;
type KeyOf<Type extends MetricSpec["type"]> = {
  [K in Key]: Catalogue[K]["type"] extends Type ? K : never;
}[Key];
type LabelsOf<K extends Key> = Catalogue[K] extends { labels: infer L extends Readonly<Record<string, unknown>> }
  ? L
  : Record<never, never>;
type OneOrMore<Values> = Values extends readonly (infer Value extends string)[] ? Value | readonly Value[] : never;

/** Which series of a metric: those with one value of a label, or with one of several. */
type Where<K extends Key> = { readonly [L in keyof LabelsOf<K>]?: OneOrMore<LabelsOf<K>[L]> };
interface Over<K extends Key> {
  readonly where?: Where<K>;
  readonly by?: keyof LabelsOf<K> | "pod";
}

/** What every selector begins with, also of metrics that are not ours. */
export const CHOSEN = 'namespace=~"$namespace",pod=~"$pod"';
/** Over which what is rare is counted. */
export const RECENT = "10m";
const WINDOW = "$__rate_interval";
/** The whole time that the dashboard shows. */
export const SHOWN = "$__range";

export function each<K extends Key>(key: K, where?: Where<K>): string {
  return selector(metricCatalogue[key].name, where);
}

export function sumOf<K extends KeyOf<"gauge">>(key: K, over: Over<K> = {}): string {
  return `sum${byOf(over.by)}(${each(key, over.where)})`;
}

export function maxOf<K extends KeyOf<"gauge">>(key: K, over: Over<K> = {}): string {
  return `max${byOf(over.by)}(${each(key, over.where)})`;
}

/** A second. */
export function rateOf<K extends KeyOf<"counter">>(key: K, over: Over<K> = {}): string {
  return `sum${byOf(over.by)}(rate(${each(key, over.where)}[${WINDOW}]))`;
}

/** How many in a window: `SHOWN` or `RECENT`. */
export function countOf<K extends KeyOf<"counter">>(key: K, window: string, over: Over<K> = {}): string {
  return `sum${byOf(over.by)}(increase(${each(key, over.where)}[${window}]))`;
}

/** How many were observed a second. */
export function observedOf<K extends KeyOf<"histogram">>(key: K, over: Over<K> = {}): string {
  return `sum${byOf(over.by)}(rate(${selector(`${metricCatalogue[key].name}_count`, over.where)}[${WINDOW}]))`;
}

export function quantileOf<K extends KeyOf<"histogram">>(
  q: number,
  key: K,
  over: Over<K> & { readonly window?: string } = {},
): string {
  const { where, by, window = WINDOW } = over;
  const buckets = selector(`${metricCatalogue[key].name}_bucket`, where);
  return `histogram_quantile(${q}, sum by (${["le", ...(by === undefined ? [] : [String(by)])].join(", ")}) (rate(${buckets}[${window}])))`;
}

/** Several of them as queries of a panel, named p50, p99, ... */
export function quantilesOf<K extends KeyOf<"histogram">>(
  qs: readonly number[],
  key: K,
  over: Parameters<typeof quantileOf<K>>[2] = {},
): readonly Query[] {
  return qs.map((q) => ({ expr: quantileOf(q, key, over), legend: `p${q * 100}` }));
}

/** The share of observations up to a bound, 0 to 1, in a window. @throws RangeError when no bucket ends there */
export function shareUpTo<K extends KeyOf<"histogram">>(
  bound: number,
  key: K,
  over: Over<K> & { readonly window: string },
): string {
  const { name, buckets } = metricCatalogue[key] as Extract<MetricSpec, { type: "histogram" }>;
  if (!buckets.includes(bound)) throw new RangeError(`${name} has no bucket up to ${bound}`);
  const good = selector(`${name}_bucket`, over.where).replace(/}$/, `,${le(bound)}}`);
  const all = selector(`${name}_count`, over.where);
  return `sum(increase(${good}[${over.window}])) / sum(increase(${all}[${over.window}]))`;
}

/** Of a metric that is not in the catalogue: Node's own, or Prometheus'. */
export function selector(name: string, where: object = {}): string {
  const narrowed = Object.entries(where).map(([label, value]: [string, string | readonly string[]]) =>
    typeof value === "string" ? `,${label}="${value}"` : `,${label}=~"${value.join("|")}"`,
  );
  return `${name}{${CHOSEN}${narrowed.join("")}}`;
}

function byOf(label: PropertyKey | undefined): string {
  return label === undefined ? " " : ` by (${String(label)}) `;
}

/** A metric that every pod of ours has, and nobody else. */
export const ANY_POD = metricCatalogue.build.name;
