/**
 * What an alert is. Its two cases are part of it: series under which it fires, with the words that a person then reads,
 * and series under which it must not, which are the nearest that is still well. promtool runs both.
 */
export type Severity = "page" | "ticket";

/** Dashboards by their uid. */
export type Board = "moa-fleet" | "moa-message" | "moa-writers" | "moa-lanes" | "moa-stores" | "moa-deploy";

/** Values in promtool's notation by series: `0+60x10` counts up by 60, `1x10` stays, `_` is a scrape that is missing. */
export type Series = Readonly<Record<string, string>>;

interface Case {
  readonly series: Series;
  /** When it is looked at, counted from the first value. */
  readonly at: string;
  /** Between two values and two evaluations; 1m when absent. */
  readonly every?: string;
}

export interface Alert {
  /** Several of one name differ in severity, and have one runbook. */
  readonly name: string;
  /** `page` wakes somebody: people are not answered, or a promise is broken. `ticket` waits for the morning. */
  readonly severity: Severity;
  readonly board: Board;
  readonly expr: string;
  readonly for?: string;
  /** One line with the value. */
  readonly summary: string;
  /** What it means, for somebody who has never seen it. */
  readonly description: string;
  readonly fires: Case & { readonly labels?: Readonly<Record<string, string>>; readonly says: string };
  readonly quiet: Case & { readonly because: string };
}

export interface Recording {
  readonly record: string;
  readonly expr: string;
}

/**
 * One Prometheus may see several deployments, told apart by their namespace; outside Kubernetes that label is absent and
 * there is one. The same holds of `pod`, for which `instance` stands then.
 */
export const DEPLOYMENT = "by (namespace)";
export const POD = "by (namespace, pod, instance)";

/** A bucket's edge. Prometheus 3 writes a whole number with its fraction, older ones as the pod does. */
export function le(edge: number): string {
  return `le=~"${edge}${Number.isInteger(edge) ? `|${edge}[.]0` : ""}"`;
}

/** In a summary: which pod it is. */
export const NAMED = "{{ or $labels.pod $labels.instance }}";
/** On the right of a comparison or `and`: the series of our pods alone, of metrics that others have too. */
export const OURS = "on (namespace, pod, instance) max by (namespace, pod, instance) (moa_build_info == 1)";
/** In a summary: the value of something that is counted. increase() reckons to the ends of its window, and gives fractions. */
export const COUNT = '{{ $value | printf "%.0f" }}';
/** In a summary: so many a second. */
export const RATE = '{{ $value | printf "%.1f" }}';
