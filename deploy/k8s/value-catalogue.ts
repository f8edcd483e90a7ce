/**
 * Everything that may differ between deployments: the values of the chart, with their defaults, what each may be and
 * one sentence. values.yaml, values.schema.json and the kustomize base are made from this file.
 */
import type { INetworkPolicyPeer } from "kubernetes-models/networking.k8s.io/v1/NetworkPolicyPeer";
import type { IToleration } from "kubernetes-models/v1/Toleration";
import manifest from "../../package.json" with { type: "json" };
import { DEFAULT_SETTINGS, settingsShape } from "./settings.ts";
import { choice, type Leaf, list, map, onOff, someOf, text, whole } from "./value-shapes.ts";

const QUANTITY = "^[0-9]+(Mi|Gi)$";
const CPU = "^[0-9]+m?$";
const NAME = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$";
/** A tag that moves gives pods of one Deployment different code. */
const FIXED_TAG = "^v?[0-9]+[.][0-9]+[.][0-9]+(-[0-9A-Za-z.-]+)?$";
const digest = (of: string) => text("", "^(sha256:[0-9a-f]{64})?$", `Digest of ${of}; it wins over the tag.`);

/** Addresses of private networks: where most Redis and MySQL are, inside or outside of the cluster. */
const PRIVATE: readonly INetworkPolicyPeer[] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"].map((cidr) => ({
  ipBlock: { cidr },
}));

export const valueCatalogue = {
  image: {
    registry: text(
      "moa.invalid",
      "^[^\\s:@]+(:[0-9]+)?(/[^\\s:@]+)*$",
      "Where the images moa-gateway, moa-workers, moa-migrate and moa-console are.",
    ),
    tag: text(manifest.version, FIXED_TAG, "Version of the images, never one that moves."),
    digest: {
      gateway: digest("moa-gateway"),
      workers: digest("moa-workers"),
      migrate: digest("moa-migrate"),
      console: digest("moa-console"),
    },
    pullPolicy: choice("IfNotPresent", ["IfNotPresent", "Always", "Never"], "When nodes ask the registry."),
    pullSecrets: list<{ name: string }>([], "Secrets for the registry, as [{name: ...}]."),
  },
  existingSecret: text(
    "moa-secrets",
    NAME,
    "A Secret that is there already: MOA_REDIS_URL, MOA_MYSQL_URL, MOA_HMAC_KEYS, MOA_OPS_TOKEN.",
  ),
  existingFiles: text(
    "moa-files",
    NAME,
    "A Secret whose entries are files below /etc/moa (certificates), if there is one.",
  ),
  settings: {
    value: DEFAULT_SETTINGS,
    doc: "Settings that are no secrets, by their variables (docs/settings.md).",
    schema: settingsShape(),
  } satisfies Leaf<Record<string, string>>,
  gateway: {
    replicas: whole(2, { minimum: 1, maximum: 1_000 }, "Gateways while nothing scales them."),
    memory: text("1Gi", QUANTITY, "Memory of a gateway, asked for and at most."),
    cpu: text("500m", CPU, "CPU asked for. There is no limit: a throttled gateway looks dead to its phones."),
    service: {
      type: choice("LoadBalancer", ["LoadBalancer", "NodePort", "ClusterIP"], "How phones reach the gateways."),
      annotations: map({}, "Of the Service, for the load balancer."),
      externalTrafficPolicy: choice(
        "Cluster",
        ["Cluster", "Local"],
        "Local keeps phones' addresses and balances by node.",
      ),
    },
  },
  workers: {
    replicas: whole(
      2,
      { minimum: 1, maximum: 4_096 },
      "Workers while nothing scales them; at most as many as there are lanes.",
    ),
    memory: text("1Gi", QUANTITY, "Memory of a worker, asked for and at most."),
    cpu: text("500m", CPU, "CPU asked for."),
  },
  scaling: {
    by: choice(
      "none",
      ["none", "keda", "hpa"],
      "What scales: KEDA by Prometheus, or the HPA by an adapter of its metrics.",
    ),
    gateway: {
      min: whole(2, { minimum: 1, maximum: 1_000 }, "Fewest gateways."),
      max: whole(10, { minimum: 1, maximum: 1_000 }, "Most gateways."),
      connections: whole(
        7_500,
        { minimum: 100, maximum: 1_000_000 },
        "Connections of a gateway from which on there is one more.",
      ),
    },
    workers: {
      min: whole(2, { minimum: 1, maximum: 4_096 }, "Fewest workers, never none: somebody must own the lanes."),
      max: whole(16, { minimum: 1, maximum: 4_096 }, "Most workers, at most as many as there are lanes."),
      backlog: whole(
        500,
        { minimum: 10, maximum: 100_000 },
        "Events waiting per worker from which on there is one more.",
      ),
    },
    prometheus: text("http://prometheus-operated.monitoring:9090", "^https?://", "Prometheus that KEDA asks."),
  },
  network: {
    phones: someOf<INetworkPolicyPeer>(
      [{ ipBlock: { cidr: "0.0.0.0/0" } }, { ipBlock: { cidr: "::/0" } }],
      "Who reaches the bridge port.",
    ),
    redis: someOf<INetworkPolicyPeer>(PRIVATE, "Where Redis, its replicas and Sentinels are."),
    redisPorts: someOf<{ port: number; protocol: "TCP" }>(
      [{ port: 6379, protocol: "TCP" }],
      "Ports of Redis and its Sentinels.",
    ),
    mysql: someOf<INetworkPolicyPeer>(PRIVATE, "Where MySQL is."),
    mysqlPorts: someOf<{ port: number; protocol: "TCP" }>([{ port: 3306, protocol: "TCP" }], "Ports of MySQL."),
    monitoring: text("monitoring", NAME, "Namespace of Prometheus and of the trace collector."),
  },
  monitoring: {
    enabled: onOff(true, "PodMonitors and PrometheusRules; needs the Prometheus operator."),
    labels: map({}, "Of PodMonitors and PrometheusRules, where Prometheus selects by them."),
    runbooks: text("https://moa.invalid/runbooks", "^https?://", "Where the alerts' runbook links lead to."),
    dashboards: text("https://moa.invalid/grafana", "^https?://", "Where their dashboard links lead to."),
  },
  externalSecret: {
    enabled: onOff(false, "Have External Secrets make existingSecret."),
    store: text("moa", NAME, "The store to read from."),
    storeKind: choice("ClusterSecretStore", ["ClusterSecretStore", "SecretStore"], "Its kind."),
    key: text("moa", "^[^\\s]+$", "What holds the entries there."),
  },
  migrate: {
    hook: onOff(false, "Run the migration as a Helm hook, before pods are replaced; else as a Job beside them."),
  },
  nodeSelector: map({}, "Of all pods."),
  tolerations: list<IToleration>([], "Of all pods."),
} as const;
