/**
 * Every alert and recording rule: from here they are made into grafana/rules/moa-rules.yml and the PrometheusRule of the
 * chart, so that the two cannot differ.
 */
import { type Alert, DEPLOYMENT, type Recording } from "./alert.ts";
import { doorAlerts } from "./door.ts";
import { laneAlerts } from "./lanes.ts";
import { mysqlAlerts } from "./mysql.ts";
import { longRecordings, objectiveAlerts, shortRecordings } from "./objectives.ts";
import { podAlerts } from "./pods.ts";
import { redisAlerts } from "./redis.ts";
import { writerAlerts } from "./writers.ts";

export const recordings: readonly Recording[] = [
  { record: "moa:lanes_owned:sum", expr: `sum ${DEPLOYMENT} (moa_lanes_owned)` },
  ...shortRecordings,
];

export const alerts: readonly Alert[] = [
  ...objectiveAlerts,
  ...writerAlerts,
  ...laneAlerts,
  ...redisAlerts,
  ...mysqlAlerts,
  ...podAlerts,
  ...doorAlerts,
];

export interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface RuleGroup {
  readonly name: string;
  readonly interval: string;
  readonly rules: readonly Rule[];
}

/** Where the links lead. */
export interface Links {
  readonly runbooks: string;
  readonly dashboards: string;
}

export const LINKS: Links = { runbooks: "https://moa.invalid/runbooks", dashboards: "https://moa.invalid/grafana" };

/** `spec.groups` of a PrometheusRule, `groups` of a rules file. Windows are made for a scrape every 15 s, 30 s at most. */
export function ruleGroups(links = LINKS): readonly RuleGroup[] {
  return [
    { name: "moa.recordings", interval: "30s", rules: recordings },
    // Three days of buckets are many to add up, and what is older than five minutes is not there any more.
    { name: "moa.recordings.slow", interval: "2m", rules: longRecordings },
    { name: "moa.alerts", interval: "30s", rules: alerts.map((alert) => ruleOf(alert, links)) },
  ];
}

export function ruleOf(alert: Alert, { runbooks, dashboards }: Links): Rule {
  const { name, severity, board, expr, summary, description } = alert;
  return {
    alert: name,
    expr,
    ...(alert.for !== undefined && { for: alert.for }),
    labels: { severity },
    annotations: {
      summary,
      description,
      runbook_url: `${runbooks}/${runbookOf(name)}`,
      dashboard_url: `${dashboards}/d/${board}`,
    },
  };
}

/** The name of an alert's runbook, below docs/runbooks and without its ending. */
export function runbookOf(alert: string): string {
  return alert.replaceAll(/(?<=.)([A-Z])/g, "-$1").toLowerCase();
}
