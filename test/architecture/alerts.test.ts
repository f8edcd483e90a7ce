/** Alerts against what pods show, against runbooks, and against what must never be. */
import { beforeAll, describe, expect, it } from "vitest";
import { type MetricSpec, metricCatalogue } from "#common/observe/metric-catalogue.ts";
import { createMetrics } from "#common/observe/metrics.ts";
import { alerts, recordings, ruleGroups, runbookOf } from "#grafana/alerts/rules.ts";
import { metricsIn, missing, type Page, pageOf } from "./rules/series-read.ts";

const SERIES_MAX = 2_000;
const rules = ruleGroups().flatMap((group) => group.rules);
const recorded = new Set(rules.flatMap(({ record }) => (record === undefined ? [] : [record])));
/** What is recorded is read by those who read the recording. */
const readBy = (expr: string): ReadonlySet<string> => {
  const names = metricsIn(expr);
  const exprOf = new Map(rules.map((rule) => [rule.record, rule.expr]));
  return new Set([...names].flatMap((name) => (recorded.has(name) ? [...readBy(exprOf.get(name) as string)] : [name])));
};

let text: string;
let page: Page;
beforeAll(async () => {
  text = await createMetrics(true).expose();
  page = pageOf(text);
});

describe("the page of a pod", () => {
  it(`has at most ${SERIES_MAX} series, all of them from the start`, () => {
    const series = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    expect(series.length).toBeGreaterThan(500);
    expect(series.length).toBeLessThanOrEqual(SERIES_MAX);
  });

  it("has no label of a bot, room or user", () => {
    const labels = new Set([...page.values()].flatMap((known) => [...known.keys()]));
    expect([...labels].filter((label) => /bot|room|channel|user|device|connection_id|event/.test(label))).toEqual([]);
  });
});

describe("rules", () => {
  it("read metrics, labels and values that pods show", () => {
    for (const { expr } of rules) expect(missing(expr, page, recorded), expr).toEqual([]);
  });

  it("are tried on series that pods show", () => {
    for (const { name, fires, quiet } of alerts) {
      const series = Object.keys({ ...fires.series, ...quiet.series }).map((one) =>
        one.replace(/version="[^"]*",?/, ""),
      );
      for (const one of series) expect(missing(one, page, recorded), name).toEqual([]);
    }
  });

  it("that read what is not there are found", () => {
    const planted = {
      "rate(moa_nothing_total[5m])": "no metric moa_nothing_total",
      'moa_connections{rule="writer"}': "moa_connections has no label rule",
      'moa_connections{role=~"writer|reader"}': 'moa_connections has no role "reader"',
      'moa_delivery_seconds_bucket{le="3"}': 'moa_delivery_seconds_bucket has no le "3"',
      "sum by (reason) (moa_connections)": "no metric here has a label reason",
    };
    for (const [expr, fault] of Object.entries(planted)) expect(missing(expr, page, recorded)).toEqual([fault]);
    const without = new Map([...page].filter(([name]) => name !== "moa_lanes_owned"));
    expect(recordings.flatMap(({ expr }) => missing(expr, without, recorded))).toContain("no metric moa_lanes_owned");
  });

  it("page when something is not 0 that must stay 0", () => {
    const paging = new Set(
      alerts.filter(({ severity }) => severity === "page").flatMap(({ expr }) => [...readBy(expr)]),
    );
    const zeros = Object.values<MetricSpec>(metricCatalogue).filter(({ help }) => help.includes("Must stay 0"));
    expect(zeros.map(({ name }) => name)).toContain("moa_fencing_violations_total");
    expect(zeros.map(({ name }) => name).filter((name) => !paging.has(name))).toEqual([]);
  });

  it("of one name are of different severities, and say who wakes up for what in one line", () => {
    const keys = alerts.map(({ name, severity }) => `${name} ${severity}`);
    expect(new Set(keys).size).toBe(keys.length);
    for (const { name, summary } of alerts) {
      expect(name).toMatch(/^Moa([A-Z][a-z]+)+$/);
      expect(runbookOf(name)).toMatch(/^moa(-[a-z]+)+$/);
      expect(summary).not.toContain("\n");
    }
  });
});
