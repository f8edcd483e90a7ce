/**
 * The migration as a Job. It may run beside pods of this version and the one before: changes only expand, and a lock of
 * the server lets one run at a time. As a Helm hook it runs before anything of the release is there, so it takes its one
 * setting from the Secret, which is not of the release, and none from the ConfigMap: that one's name changes with its
 * content, and a Job's pods cannot change.
 */
import type { IJob } from "kubernetes-models/batch/v1/Job";
import { limits } from "#common/contract/limits.ts";
import { labelsOf, names } from "./names.ts";
import { containerOf, secretOf, templateOf } from "./pod.ts";
import { fieldsWhen } from "./reference.ts";
import type { Place, Values } from "./values.ts";

const name = names.migrate;

export function migrateObjects(values: Values, { jobName }: Place): readonly [IJob] {
  const container = containerOf(values, { name, memory: "512Mi", cpu: "100m" });
  const template = templateOf(name, values, {
    restartPolicy: "Never",
    containers: [{ ...container, env: [secretOf(values, "mysqlUrl")] }],
  });
  const hook = {
    "helm.sh/hook": "pre-install,pre-upgrade",
    "helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded",
  };
  return [
    {
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: { name: jobName, labels: labelsOf(name), ...fieldsWhen(values.migrate.hook, { annotations: hook }) },
      spec: {
        backoffLimit: 6,
        activeDeadlineSeconds: limits.migrationMsMax / 1_000,
        // Looked at for a day, then out of the way.
        ttlSecondsAfterFinished: 86_400,
        template,
      },
    },
  ];
}
