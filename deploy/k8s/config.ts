/** Settings as a ConfigMap; secrets by the name of a Secret that is not ours to write, made by External Secrets or by hand. */
import type { IExternalSecret } from "@kubernetes-models/external-secrets/external-secrets.io/v1/ExternalSecret";
import type { IConfigMap } from "kubernetes-models/v1/ConfigMap";
import { labelsOf, names } from "./names.ts";
import { when } from "./reference.ts";
import type { Values } from "./values.ts";

export function configObjects(values: Values): readonly (IConfigMap | IExternalSecret | undefined)[] {
  const { externalSecret, existingSecret, settings } = values;
  return [
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: names.config, labels: labelsOf(names.config) },
      data: settings,
    },
    when(externalSecret.enabled, {
      apiVersion: "external-secrets.io/v1",
      kind: "ExternalSecret",
      metadata: { name: existingSecret },
      spec: {
        refreshInterval: "1h",
        secretStoreRef: { name: externalSecret.store, kind: externalSecret.storeKind },
        target: { name: existingSecret },
        dataFrom: [{ extract: { key: externalSecret.key } }],
      },
    }),
  ];
}
