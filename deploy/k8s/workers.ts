/** The workers: lanes, row writer and jobs in one Deployment. Nobody connects to them; readiness paces the rollout only. */
import type { IDeployment } from "kubernetes-models/apps/v1/Deployment";
import type { IPodDisruptionBudget } from "kubernetes-models/policy/v1/PodDisruptionBudget";
import { limits } from "#common/contract/limits.ts";
import { disruptionBudget } from "./gateway.ts";
import { graceSeconds } from "./grace.ts";
import { labelsOf, names, selectorOf } from "./names.ts";
import { containerOf, environmentOf, OPS_PORT, probesOf, spreadOf, templateOf, withConfigChecksum } from "./pod.ts";
import { fieldsWhen, is } from "./reference.ts";
import type { Place, Values } from "./values.ts";

const name = names.workers;

export function workerObjects(values: Values, place: Place): readonly [IDeployment, IPodDisruptionBudget] {
  return [deployment(values, place), disruptionBudget(name)];
}

function deployment(values: Values, place: Place): IDeployment {
  const { workers, scaling } = values;
  const template = templateOf(name, values, {
    terminationGracePeriodSeconds: graceSeconds.workers,
    ...spreadOf(name),
    containers: [
      {
        ...containerOf(values, { name, ...workers }),
        ...environmentOf(values),
        ports: [OPS_PORT],
        // A worker migrates, or waits for the one that does.
        ...probesOf(limits.migrationMsMax / 1_000),
      },
    ],
  });
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, labels: labelsOf(name) },
    spec: {
      ...fieldsWhen(is(scaling.by, "none"), { replicas: workers.replicas }),
      selector: { matchLabels: selectorOf(name) },
      minReadySeconds: 10,
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template: withConfigChecksum(template, place),
    },
  };
}
