/** Dashboards as Grafana gets them, against what pods show and what alerts lead to. Each rule is tried on a planted fault too. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type MetricSpec, metricCatalogue } from "#common/observe/metric-catalogue.ts";
import { createMetrics } from "#common/observe/metrics.ts";
import { alerts, LINKS, ruleGroups } from "#grafana/alerts/rules.ts";
import { dashboards } from "#grafana/dashboards/catalogue.ts";
import { ROOT } from "./copied-tree.ts";
import {
  type Board,
  type BoardPanel,
  deadVariables,
  doubled,
  exprsOf,
  overlapping,
  seriesMissing,
  shown,
  unexplained,
  unledAlerts,
} from "./rules/boards.ts";
import { metricsIn, type Page, pageOf } from "./rules/series-read.ts";

const read = (uid: string) =>
  JSON.parse(readFileSync(join(ROOT, "grafana/dashboards", `${uid}.json`), "utf8")) as Board;
const boards = dashboards.map(({ uid }) => read(uid));
const recorded = new Set(ruleGroups().flatMap(({ rules }) => rules.flatMap(({ record }) => record ?? [])));

let page: Page;
beforeAll(async () => {
  const text = await createMetrics(true).expose();
  // Node's histograms have no series before they have observed something.
  const announced = [...text.matchAll(/^# TYPE (\w+) histogram$/gm)].map(([, name]) => `${name}_sum`);
  page = new Map([...announced.map((name) => [name, new Map()] as const), ...pageOf(text)] as const);
});

/** The boards with something done to the first panel of the first. */
function planted(plant: (panel: BoardPanel, board: Board) => void): readonly Board[] {
  const all = structuredClone(boards);
  const [first] = all as [Board];
  plant(shown(first)[0] as BoardPanel, first);
  return all;
}

interface Rule {
  readonly claim: string;
  readonly faults: (boards: readonly Board[]) => string[];
  readonly plants: readonly (readonly [plant: Parameters<typeof planted>[0], reported: string])[];
}

const expr = (text: string) => (panel: BoardPanel) => void Object.assign(panel.targets?.[0] ?? {}, { expr: text });

const RULES: readonly Rule[] = [
  {
    claim: "ids, titles and queries are each there once",
    faults: doubled,
    plants: [
      [(panel, { panels }) => void panels.push({ ...panel, title: "another" }), "twice"],
      [(panel, { panels }) => void panels.push({ ...panel, id: 999 }), `"${boards[0]?.panels[1]?.title}": twice`],
      [
        ({ targets = [] }) => void targets.push({ ...(targets[0] as { refId: string; expr: string }) }),
        "query A twice",
      ],
    ],
  },
  {
    claim: "panels lie beside each other, within 24 columns",
    faults: overlapping,
    plants: [
      [(panel) => void Object.assign(panel, { gridPos: { ...panel.gridPos, h: 9 } }), "over"],
      [(panel) => void Object.assign(panel, { gridPos: { ...panel.gridPos, x: 23 } }), "beyond the last column"],
    ],
  },
  {
    claim: "a panel has a title, a unit, thresholds that rise, a query, and says what good is",
    faults: unexplained,
    plants: [
      [(panel) => void Object.assign(panel, { description: "Events." }), "does not say what good is"],
      [({ fieldConfig }) => void Object.assign(fieldConfig?.defaults ?? {}, { unit: "potato" }), 'the unit "potato"'],
      [
        ({ fieldConfig }) => void Object.assign(fieldConfig?.defaults ?? {}, { thresholds: { steps: [{ value: 1 }] } }),
        "do not rise",
      ],
      [(panel) => void Object.assign(panel, { targets: [] }), "no query"],
    ],
  },
  {
    claim: "every variable is asked for, and what is asked for is a variable",
    faults: deadVariables,
    plants: [
      [(_, { templating }) => void templating.list.push({ name: "zone", query: "" }), "nothing asks for $zone"],
      [expr('sum(moa_connections{pod=~"$zone"})'), "no variable $zone"],
    ],
  },
  {
    claim: "queries read metrics, labels and values that pods show",
    faults: (all) => seriesMissing(all, page, recorded),
    plants: [
      [expr("rate(moa_nothing_total[5m])"), "no metric moa_nothing_total"],
      [expr("sum(kube_pod_info)"), "no metric kube_pod_info"],
      [expr("sum by (bot) (moa_connections)"), "no metric here has a label bot"],
      [expr('moa_connections{room="1"}'), "moa_connections has no label room"],
      [expr('moa_connections{role="reader"}'), 'moa_connections has no role "reader"'],
    ],
  },
  {
    claim: "the board that an alert names explains it, and leads to its runbook",
    faults: (all) => unledAlerts(all, alerts),
    plants: [
      [(panel) => void Object.assign(panel, { links: [{ url: "https://moa.invalid/runbooks/x" }] }), "of no alert"],
      [(_, { panels }) => void panels.splice(0), "no panel of moa-fleet explains it"],
    ],
  },
];

describe("dashboards", () => {
  for (const { claim, faults, plants } of RULES) {
    it(claim, () => {
      expect(faults(boards)).toEqual([]);
    });
    it(`${claim}, else it is reported`, () => {
      for (const [plant, reported] of plants) expect(faults(planted(plant)).join("\n")).toContain(reported);
    });
  }

  it("lead to runbooks that are there", () => {
    const urls = boards.flatMap((board) => shown(board).flatMap(({ links = [] }) => links.map(({ url }) => url)));
    const isThere = (url: string) => existsSync(join(ROOT, "docs/runbooks", `${url.split("/").at(-1)}.md`));
    expect(urls.length).toBeGreaterThan(50);
    expect(urls.filter((url) => !isThere(url))).toEqual([]);
    expect(isThere(`${LINKS.runbooks}/moa-nothing`)).toBe(false);
  });

  it("show every metric of the catalogue", () => {
    const seen = new Set(boards.flatMap((board) => exprsOf(board).flatMap((one) => [...metricsIn(one)])));
    const names = Object.values<MetricSpec>(metricCatalogue).map(({ name }) => name);
    expect(names.filter((name) => !seen.has(name))).toEqual([]);
  });
});
