/**
 * What is switched on and how large it is, in three environments to begin with. Each is an overlay of kustomize and an
 * example of the chart, which make the same objects.
 */
import { merged, type SomeValues } from "./values.ts";

const peer = (namespace: string) => ({
  namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
});

/** Each is a component of kustomize: the difference that these values make. */
export const components = {
  keda: { scaling: { by: "keda" } },
  hpa: { scaling: { by: "hpa" } },
  sentinel: {
    settings: { MOA_REDIS_SENTINELS: "redis-sentinel.redis:26379", MOA_REDIS_MASTER: "mymaster" },
    network: {
      redisPorts: [
        { port: 6379, protocol: "TCP" },
        { port: 26379, protocol: "TCP" },
      ],
    },
  },
  "external-secrets": { externalSecret: { enabled: true } },
  "proxy-protocol": {
    settings: { MOA_PROXY_PROTOCOL_FROM: "10.0.0.0/8" },
    gateway: {
      service: { annotations: { "service.beta.kubernetes.io/aws-load-balancer-proxy-protocol": "*" } },
    },
  },
  /** The certificate's files are entries of existingFiles. */
  tls: { settings: { MOA_TLS_CERT_FILE: "/etc/moa/tls.crt", MOA_TLS_KEY_FILE: "/etc/moa/tls.key" } },
  "networkpolicy-strict": {
    network: {
      phones: [{ ipBlock: { cidr: "10.0.0.0/8" } }],
      redis: [peer("redis")],
      mysql: [peer("mysql")],
    },
  },
} satisfies Readonly<Record<string, SomeValues>>;

export type Component = keyof typeof components;

export interface Environment {
  readonly components: readonly Component[];
  readonly values: SomeValues;
}

export const environments: Readonly<Record<string, Environment>> = {
  dev: {
    components: [],
    values: {
      gateway: { replicas: 1, memory: "512Mi", cpu: "100m", service: { type: "ClusterIP" } },
      workers: { replicas: 1, memory: "512Mi", cpu: "100m" },
      settings: { MOA_LOG_LEVEL: "debug", MOA_TRACE_RATIO: "1" },
      monitoring: { enabled: false },
    },
  },
  staging: {
    components: ["hpa", "proxy-protocol"],
    values: { scaling: { gateway: { max: 4 }, workers: { max: 8 } } },
  },
  prod: {
    components: ["keda", "sentinel", "external-secrets", "proxy-protocol", "networkpolicy-strict"],
    values: {
      gateway: { memory: "2Gi", cpu: "1" },
      workers: { memory: "2Gi", cpu: "1" },
      settings: { MOA_SHARDS: "4", MOA_OTLP_URL: "http://otel-collector.monitoring:4318" },
      scaling: { gateway: { min: 3, max: 20 }, workers: { min: 4, max: 32 } },
    },
  },
};

/** What the environment differs in, its components included. */
export function valuesOf({ components: on, values }: Environment): SomeValues {
  const all: readonly SomeValues[] = [...on.map((name) => components[name]), values];
  return all.reduce((sum, one) => merged(sum, one), {});
}
