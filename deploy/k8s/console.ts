/** Where operators run the `moa` command (docs/cli.md): it waits, with the token, in a place that may ask the pods. */
import type { IDeployment } from "kubernetes-models/apps/v1/Deployment";
import { labelsOf, names, ports, selectorOf } from "./names.ts";
import { containerOf, secretOf, templateOf } from "./pod.ts";
import type { Values } from "./values.ts";

const name = names.console;
const WAIT = 'process.on("SIGTERM", () => process.exit()); setInterval(() => {}, 1 << 30);';

export function consoleObjects(values: Values): readonly [IDeployment] {
  const container = {
    ...containerOf(values, { name, memory: "256Mi", cpu: "10m" }),
    command: ["/usr/local/bin/node", "-e", WAIT],
    env: [secretOf(values, "opsToken"), { name: "MOA_OPS_URL", value: `dns+http://${names.pods}:${ports.ops}` }],
  };
  return [
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name, labels: labelsOf(name) },
      spec: {
        replicas: 1,
        selector: { matchLabels: selectorOf(name) },
        template: templateOf(name, values, { containers: [container] }),
      },
    },
  ];
}
