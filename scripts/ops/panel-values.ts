/** What a dashboard's panels show of a run: their queries, asked of Prometheus with the variables filled in. */
import type { PanelEntry } from "#grafana/dashboards/panel.ts";
import { type PrometheusApi, SCRAPE_EVERY_S, type Series } from "#scripts/stack/prometheus.ts";

/** Grafana's rule: four scrapes at least. With a scrape a second, some more, for those that came late. */
const WINDOW_S = 10 * SCRAPE_EVERY_S;

/** As Grafana fills it in when everything is chosen, for a dashboard that shows so many seconds. */
export function filledIn(expr: string, seconds: number): string {
  return expr
    .replaceAll("$__rate_interval", `${WINDOW_S}s`)
    .replaceAll("$__range", `${Math.ceil(seconds)}s`)
    .replaceAll(/\$(namespace|pod)\b/g, ".*");
}

export interface ShownQuery {
  readonly legend: string;
  /** Points that are numbers, of all series. Empty: the query shows nothing, or is none. */
  readonly values: readonly number[];
  /** Prometheus' words when it is none. */
  readonly fault?: string;
}

/** @param window from and to, epoch seconds */
export async function shownBy(
  prometheus: PrometheusApi,
  { queries }: Pick<PanelEntry, "queries">,
  window: readonly [from: number, to: number],
): Promise<readonly ShownQuery[]> {
  const [from, to] = window;
  return Promise.all(
    queries.map(({ expr, legend }) =>
      prometheus.range(filledIn(expr, to - from), window).then(
        (series) => ({ legend, values: numbersOf(series) }),
        (error: Error) => ({ legend, values: [], fault: error.message }),
      ),
    ),
  );
}

function numbersOf(series: readonly Series[]): readonly number[] {
  return series.flatMap(({ values }) => values.map(([, value]) => value)).filter(Number.isFinite);
}
