/** What Prometheus records and alerts on, as the PrometheusRule takes it. */
import { metricCatalogue } from "#common/observe/metric-catalogue.ts";

interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface RuleGroup {
  readonly name: string;
  readonly interval: string;
  readonly rules: readonly Rule[];
}

/** What links in annotations begin with. */
interface Links {
  readonly runbooks: string;
  readonly dashboards: string;
}

export function ruleGroups({ runbooks, dashboards }: Links): readonly RuleGroup[] {
  const summary = "A tenure that {{ $labels.pod }} held was given to another pod.";
  const annotations = {
    summary,
    runbook_url: `${runbooks}/fencing-violated`,
    dashboard_url: `${dashboards}/d/moa-writers`,
  };
  const expr = `increase(${metricCatalogue.fencingViolations.name}[5m]) > 0`;
  const rules = [{ alert: "FencingViolated", expr, labels: { severity: "page" }, annotations }];
  return [{ name: "moa-invariants", interval: "30s", rules }];
}
