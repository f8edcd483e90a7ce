/** What Prometheus records and alerts on, as the PrometheusRule takes it. */
import type { IPrometheusRuleSpec } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRuleSpec";
import { metricCatalogue } from "#common/observe/metric-catalogue.ts";

export type RuleGroups = NonNullable<IPrometheusRuleSpec["groups"]>;

/** @param runbooks what the links to runbooks begin with */
export function ruleGroups(runbooks: string): RuleGroups {
  return [
    {
      name: "moa-invariants",
      rules: [
        {
          alert: "FencingViolated",
          expr: `increase(${metricCatalogue.fencingViolations.name}[5m]) > 0`,
          labels: { severity: "page" },
          annotations: {
            summary: "A tenure that {{ $labels.pod }} held was given to another pod.",
            runbook_url: `${runbooks}/fencing-violated`,
          },
        },
      ],
    },
  ];
}
