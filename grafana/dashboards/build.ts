/**
 * Grafana's JSON of a dashboard entry. What the SDK leaves open is settled here once: ids, positions, the datasource and
 * the letters of queries, so that a panel is written as one entry of data.
 *
 *   row ──> its header ──> its panels from left to right, into the next line where the 24 columns are full
 */
import {
  AnnotationQueryBuilder,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  type GridPos,
  QueryVariableBuilder,
  RowBuilder,
  type Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  VariableRefresh,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder } from "@grafana/grafana-foundation-sdk/prometheus";
import { LINKS, runbookOf } from "../alerts/rules.ts";
import type { Bounds, DashboardEntry, PanelEntry, Row } from "./panel.ts";
import { ANY_POD } from "./series.ts";
import { shapeOf } from "./shape.ts";

const COLUMNS = 24;
const DATASOURCE = { type: "prometheus", uid: "$datasource" } as const;
const TILE = { width: 4, height: 4 };
const GRAPH = { width: 12, height: 8 };
const TAG = "moa";

export function dashboardJson(entry: DashboardEntry): string {
  const dashboard = new DashboardBuilder(entry.title)
    .uid(entry.uid)
    .description(entry.says)
    .tags([TAG])
    .timezone("browser")
    .time({ from: "now-1h", to: "now" })
    .refresh("10s")
    .tooltip(DashboardCursorSync.Crosshair)
    .link(
      new DashboardLinkBuilder("moa").type(DashboardLinkType.Dashboards).tags([TAG]).includeVars(true).keepTime(true),
    )
    .annotation(alertsFiring());
  for (const variable of variables()) dashboard.withVariable(variable);
  for (const one of placed(entry.rows)) {
    if ("panel" in one) dashboard.withPanel(panelOf(one));
    else dashboard.withRow(new RowBuilder(one.title).id(one.id).gridPos(one.at));
  }
  return `${JSON.stringify(dashboard.build(), withoutPlacement, 2)}\n`;
}

/** The SDK gives every link and annotation its only value, which hides them in a menu; absent, they are in sight. */
function withoutPlacement(key: string, value: unknown): unknown {
  return key === "placement" && value === "inControlsMenu" ? undefined : value;
}

function variables() {
  const values = (name: string, label: string, query: string) =>
    new QueryVariableBuilder(name)
      .label(label)
      .datasource(DATASOURCE)
      .query({ query, refId: name })
      .refresh(VariableRefresh.OnTimeRangeChanged)
      .multi(true)
      .includeAll(true)
      // Also what has no such label: a Prometheus that scrapes by hand may give none.
      .allValue(".*")
      .current({ selected: true, text: ["All"], value: ["$__all"] });
  return [
    new DatasourceVariableBuilder("datasource").label("Prometheus").type("prometheus"),
    values("namespace", "Namespace", `label_values(${ANY_POD}, namespace)`),
    values("pod", "Pod", `label_values(${ANY_POD}{namespace=~"$namespace"}, pod)`),
  ];
}

function alertsFiring() {
  return new AnnotationQueryBuilder()
    .name("Alerts")
    .datasource(DATASOURCE)
    .enable(true)
    .iconColor("red")
    .expr('ALERTS{alertstate="firing",alertname=~"Moa.*"}')
    .titleFormat("{{alertname}}")
    .textFormat("{{severity}}");
}

type Placed =
  | { readonly id: number; readonly at: GridPos; readonly title: string }
  | { readonly id: number; readonly at: GridPos; readonly panel: PanelEntry };

function placed(rows: readonly Row[]): readonly Placed[] {
  const all: Placed[] = [];
  let [y, id] = [0, 0];
  for (const { title, panels } of rows) {
    all.push({ id: ++id, at: { x: 0, y: y++, w: COLUMNS, h: 1 }, title });
    let [x, tallest] = [0, 0];
    for (const panel of panels) {
      const usual = panel.kind === "tile" ? TILE : GRAPH;
      const [w, h] = [panel.width ?? usual.width, panel.height ?? usual.height];
      if (x + w > COLUMNS) [x, y, tallest] = [0, y + tallest, 0];
      all.push({ id: ++id, at: { x, y, w, h }, panel });
      [x, tallest] = [x + w, Math.max(tallest, h)];
    }
    y += tallest;
  }
  return all;
}

function panelOf({ id, at, panel }: Extract<Placed, { panel: PanelEntry }>) {
  const { title, says, kind, unit, queries, bounds, alerts = [] } = panel;
  const builder = shapeOf(kind, bounds !== undefined)
    .id(id)
    .title(title)
    .description(says)
    .datasource(DATASOURCE)
    .gridPos(at)
    .unit(unit)
    .thresholds(thresholdsOf(bounds));
  for (const [i, { expr, legend }] of queries.entries()) {
    const refId = String.fromCharCode("A".charCodeAt(0) + i);
    builder.withTarget(
      new DataqueryBuilder().datasource(DATASOURCE).refId(refId).expr(expr).legendFormat(legend).range(),
    );
  }
  const runbooks = alerts.map((alert) =>
    new DashboardLinkBuilder(`Runbook: ${alert}`).url(`${LINKS.runbooks}/${runbookOf(alert)}`).targetBlank(true),
  );
  return builder.links(runbooks);
}

const [GOOD, WARN, BAD, PLAIN] = ["green", "orange", "red", "text"] as const;

function thresholdsOf(bounds: Bounds | undefined) {
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(stepsOf(bounds));
}

/** A step holds from its value up; the first one from below. */
function stepsOf(bounds: Bounds | undefined): Threshold[] {
  if (bounds === undefined) return [{ value: null, color: PLAIN }];
  const { warn, bad, isLess } = bounds;
  if (isLess) {
    const above =
      warn === undefined
        ? [{ value: bad, color: GOOD }]
        : [
            { value: bad, color: WARN },
            { value: warn, color: GOOD },
          ];
    return [{ value: null, color: BAD }, ...above];
  }
  const middle = warn === undefined ? [] : [{ value: warn, color: WARN }];
  return [{ value: null, color: GOOD }, ...middle, { value: bad, color: BAD }];
}
