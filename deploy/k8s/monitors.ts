/** How Prometheus finds the pods, and what it alerts on. Pods and not Services: workers have none, and phones need no ops port. */
import type { IPodMonitor } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PodMonitor";
import type { IPrometheusRule } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule";
import type { IPrometheusRuleSpec } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRuleSpec";
import { ruleGroups } from "#grafana/alerts/rules.ts";
import { labelsOf, names, selectorOf } from "./names.ts";
import { when } from "./reference.ts";
import type { Values } from "./values.ts";

type RuleGroups = NonNullable<IPrometheusRuleSpec["groups"]>;

export function monitorObjects({ monitoring }: Values): readonly (IPodMonitor | IPrometheusRule | undefined)[] {
  const { enabled, labels } = monitoring;
  const rule: IPrometheusRule = {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "PrometheusRule",
    metadata: { name: "moa", labels },
    spec: { groups: structuredClone(ruleGroups(monitoring)) as RuleGroups },
  };
  const all = [podMonitor(names.gateway, labels), podMonitor(names.workers, labels), rule];
  return all.map((one) => when(enabled, one));
}

/** The job is called as the workload. */
function podMonitor(name: "moa-gateway" | "moa-workers", labels: Record<string, string>): IPodMonitor {
  return {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "PodMonitor",
    metadata: { name, labels },
    spec: {
      jobLabel: Object.keys(labelsOf(name))[0] ?? "",
      selector: { matchLabels: selectorOf(name) },
      podMetricsEndpoints: [{ port: "ops", path: "/metrics", interval: "15s", scrapeTimeout: "10s" }],
    },
  };
}
