/**
 * What adds and takes away pods, of one of two makes. A gateway that is taken away makes its phones dial again, so that
 * happens seldom; workers come and go with the lanes' backlog, at most as many as there are lanes and never none.
 *
 * No trigger looks at Redis: lanes have positions and no consumer group, so that only the workers themselves know what
 * is not done yet. A Prometheus that says nothing is a failure and not an empty backlog.
 */
import type { IScaledObject } from "@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject";
import type { IHorizontalPodAutoscaler } from "kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler";
import type { IHorizontalPodAutoscalerBehavior } from "kubernetes-models/autoscaling/v2/HorizontalPodAutoscalerBehavior";
import type { IMetricSpec } from "kubernetes-models/autoscaling/v2/MetricSpec";
import { metricCatalogue } from "#common/observe/metric-catalogue.ts";
import { labelsOf, names } from "./names.ts";
import { is, textOf, when } from "./reference.ts";
import type { Place, Values } from "./values.ts";

const connections = metricCatalogue.connections.name;
const backlog = metricCatalogue.laneBacklogEvents.name;

const GATEWAY: IHorizontalPodAutoscalerBehavior = {
  scaleUp: { policies: [{ type: "Percent", value: 100, periodSeconds: 60 }] },
  scaleDown: { stabilizationWindowSeconds: 1_800, policies: [{ type: "Pods", value: 1, periodSeconds: 300 }] },
};
const WORKERS: IHorizontalPodAutoscalerBehavior = {
  scaleUp: { policies: [{ type: "Percent", value: 100, periodSeconds: 30 }] },
  scaleDown: { stabilizationWindowSeconds: 300, policies: [{ type: "Percent", value: 20, periodSeconds: 60 }] },
};

interface Scaled {
  readonly name: "moa-gateway" | "moa-workers";
  readonly min: number;
  readonly max: number;
  readonly behavior: IHorizontalPodAutoscalerBehavior;
  /** Its sum over the pods, divided by `perPod`, is how many pods there should be. */
  readonly metric: string;
  readonly perPod: number;
}

export function scalingObjects(
  { scaling }: Values,
  { namespace }: Place,
): readonly (IScaledObject | IHorizontalPodAutoscaler | undefined)[] {
  const { gateway, workers, prometheus } = scaling;
  const all: readonly Scaled[] = [
    { name: names.gateway, ...gateway, behavior: GATEWAY, metric: connections, perPod: gateway.connections },
    { name: names.workers, ...workers, behavior: WORKERS, metric: backlog, perPod: workers.backlog },
  ];
  return [
    ...all.map((one) => when(is(scaling.by, "keda"), byKeda(one, prometheus, namespace))),
    ...all.map((one) => when(is(scaling.by, "hpa"), byHpa(one))),
  ];
}

function byKeda(
  { name, min, max, behavior, metric, perPod }: Scaled,
  prometheus: string,
  namespace: string,
): IScaledObject {
  const sum = `sum(${metric}{namespace="${namespace}"})`;
  const query = { serverAddress: prometheus, query: sum, threshold: textOf(perPod) };
  return {
    apiVersion: "keda.sh/v1alpha1",
    kind: "ScaledObject",
    metadata: { name, labels: labelsOf(name) },
    spec: {
      scaleTargetRef: { name },
      minReplicaCount: min,
      maxReplicaCount: max,
      pollingInterval: 10,
      // While Prometheus is away nobody knows how much there is to do: whoever is there stays.
      fallback: { failureThreshold: 3, replicas: min, behavior: "currentReplicasIfHigher" },
      advanced: { horizontalPodAutoscalerConfig: { behavior } },
      triggers: [{ type: "prometheus", metadata: { ...query, ignoreNullValues: "false" } }],
    },
  };
}

/** The metric comes from an adapter of Prometheus; CPU stands in where there is none. */
function byHpa({ name, min, max, behavior, metric, perPod }: Scaled): IHorizontalPodAutoscaler {
  const metrics: IMetricSpec[] = [
    {
      type: "Pods",
      pods: { metric: { name: metric }, target: { type: "AverageValue", averageValue: textOf(perPod) } },
    },
    { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } } },
  ];
  return {
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: { name, labels: labelsOf(name) },
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name },
      minReplicas: min,
      maxReplicas: max,
      metrics,
      behavior,
    },
  };
}
