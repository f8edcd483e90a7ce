/** What every pod of moa has in common. */
import type { IContainer } from "kubernetes-models/v1/Container";
import type { IEnvVar } from "kubernetes-models/v1/EnvVar";
import type { IPodSpec } from "kubernetes-models/v1/PodSpec";
import type { IPodTemplateSpec } from "kubernetes-models/v1/PodTemplateSpec";
import type { IProbe } from "kubernetes-models/v1/Probe";
import { settingsSchema } from "#common/config/schema.ts";
import { labelsOf, names, ports, selectorOf, type Workload } from "./names.ts";
import { behind, entryOf, isSaid } from "./reference.ts";
import type { Place, Values } from "./values.ts";

/** Kubernetes' own name for it, in which containers find each other's files. */
const TMP = { name: "tmp", mountPath: "/tmp" };
const FILES = { name: "files", mountPath: "/etc/moa", readOnly: true };

/** The gateways open their second port where there is a certificate. */
export function hasTls({ settings }: Values): boolean {
  return isSaid(entryOf(settings, settingsSchema.tlsCertFile.env));
}

export interface ContainerOf {
  readonly name: Workload;
  readonly memory: string;
  readonly cpu: string;
}

/**
 * Memory is asked for in full, so that a node never promised it to two. CPU has no limit: a pod that is throttled misses
 * its own deadlines, and its peers take it for dead.
 */
export function containerOf({ image }: Values, { name, memory, cpu }: ContainerOf): IContainer {
  return {
    name,
    image: `${image.registry}/${name}:${image.tag}${behind("@", image.digest[roleOf(name)])}`,
    imagePullPolicy: image.pullPolicy,
    resources: { requests: { cpu, memory }, limits: { memory } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
    volumeMounts: [TMP, FILES],
  };
}

function roleOf(name: Workload) {
  return name.replace("moa-", "") as keyof Values["image"]["digest"];
}

/** Settings and secrets as the environment, and what only the manifests know. */
export function environmentOf({ existingSecret }: Values): Required<Pick<IContainer, "env" | "envFrom">> {
  return {
    env: [
      { name: settingsSchema.host.env, value: "0.0.0.0" },
      { name: settingsSchema.podName.env, valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
    ],
    envFrom: [{ configMapRef: { name: names.config } }, { secretRef: { name: existingSecret } }],
  };
}

export function secretOf({ existingSecret }: Values, setting: "mysqlUrl" | "opsToken"): IEnvVar {
  const { env: key } = settingsSchema[setting];
  return { name: key, valueFrom: { secretKeyRef: { name: existingSecret, key } } };
}

/**
 * None of these paths asks Redis or MySQL: when they are away, every pod would be found ill at once, and restarting them
 * or taking them out of the balancer turns a blip into a storm of phones that dial again.
 *
 * @param startSeconds how long a start may take
 */
export function probesOf(
  startSeconds: number,
): Required<Pick<IContainer, `${"startup" | "liveness" | "readiness"}Probe`>> {
  const everySeconds = 2;
  return {
    startupProbe: { ...probe("/startupz"), periodSeconds: everySeconds, failureThreshold: startSeconds / everySeconds },
    livenessProbe: { ...probe("/livez"), periodSeconds: 10, failureThreshold: 3 },
    readinessProbe: { ...probe("/readyz"), periodSeconds: 5, failureThreshold: 2 },
  };
}

function probe(path: string): IProbe {
  return { httpGet: { path, port: "ops" }, timeoutSeconds: 5 };
}

export const OPS_PORT = { name: "ops", containerPort: ports.ops };

/** @param own what this pod has of its own */
export function templateOf(
  name: Workload,
  values: Values,
  own: Pick<IPodSpec, "containers"> & Partial<IPodSpec>,
): IPodTemplateSpec {
  return {
    metadata: { labels: labelsOf(name) },
    spec: {
      automountServiceAccountToken: false,
      // Kubernetes would tell of the Service moa-gateway as MOA_GATEWAY_PORT: no setting of ours, and so a fault.
      enableServiceLinks: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 65_532,
        runAsGroup: 65_532,
        fsGroup: 65_532,
        seccompProfile: { type: "RuntimeDefault" },
      },
      imagePullSecrets: values.image.pullSecrets,
      nodeSelector: values.nodeSelector,
      tolerations: values.tolerations,
      volumes: [
        { name: TMP.name, emptyDir: { sizeLimit: "64Mi" } },
        { name: FILES.name, secret: { secretName: values.existingFiles, optional: true } },
      ],
      ...own,
    },
  };
}

/** New pods replace those that run when a setting changed. Kustomize does it by the name of the ConfigMap. */
export function withConfigChecksum(template: IPodTemplateSpec, { configChecksum }: Place): IPodTemplateSpec {
  if (configChecksum === undefined) return template;
  return { ...template, metadata: { ...template.metadata, annotations: { "checksum/config": configChecksum } } };
}

/** Over zones if it can be, over nodes for certain; pods of an older version do not count. */
export function spreadOf(name: Workload): Required<Pick<IPodSpec, "topologySpreadConstraints">> {
  const among = { labelSelector: { matchLabels: selectorOf(name) }, matchLabelKeys: ["pod-template-hash"] };
  return {
    topologySpreadConstraints: [
      { topologyKey: "topology.kubernetes.io/zone", maxSkew: 1, whenUnsatisfiable: "ScheduleAnyway", ...among },
      { topologyKey: "kubernetes.io/hostname", maxSkew: 1, whenUnsatisfiable: "DoNotSchedule", ...among },
    ],
  };
}
