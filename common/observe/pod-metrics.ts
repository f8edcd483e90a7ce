/** The part of the catalogue (metric-catalogue.ts) about the pod itself, its life, and its MySQL. */
import packageJson from "../../package.json" with { type: "json" };

/** What runs. */
export const BUILD = { version: packageJson.version, node: process.versions.node } as const;

export const podMetrics = {
  build: {
    type: "gauge",
    name: "moa_build_info",
    help: "1 for what this pod is; 0 for what it is not.",
    labels: { service: ["gateway", "worker"], version: [BUILD.version], node: [BUILD.node] },
  },
  configHash: {
    type: "gauge",
    name: "moa_config_hash",
    help: "A number made of the settings that all pods of a deployment share, secrets left out: where two pods differ, one has not got a change.",
  },
  heapLimitBytes: {
    type: "gauge",
    name: "moa_heap_limit_bytes",
    help: "Heap that V8 takes at most; beyond it the pod dies.",
  },
  lifeLost: { type: "counter", name: "moa_life_lost_total", help: "Times this pod found its life key gone." },
  lifeErrors: {
    type: "counter",
    name: "moa_life_errors_total",
    help: "Renewals of this pod's life that Redis did not answer.",
  },
  lifeLeftSeconds: {
    type: "histogram",
    name: "moa_life_left_seconds",
    help: "What was left of this pod's life when its renewal was granted; at 0 others may have taken it for dead.",
    buckets: [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 2.5],
  },
  mysqlErrors: {
    type: "counter",
    name: "moa_mysql_errors_total",
    help: "MySQL calls that failed.",
    labels: { code: ["connection", "deadlock", "read_only", "other"] },
  },
  mysqlPool: {
    type: "gauge",
    name: "moa_mysql_pool",
    help: "Connections to MySQL in the hands of this pod's calls, and calls that wait for one.",
    labels: { state: ["in_use", "waiting"] },
  },
  mysqlQuerySeconds: {
    type: "histogram",
    name: "moa_mysql_query_seconds",
    help: "Statements that MySQL answered, each from its sending.",
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
  },
} as const;
