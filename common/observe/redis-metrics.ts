/** The part of the catalogue (metric-catalogue.ts) about Redis. */

/** Redis' words for calls that carry no fault: they may be made again, and succeed when it is itself again. */
export const REDIS_REFUSALS = [
  "LOADING",
  "READONLY",
  "MASTERDOWN",
  "UNBLOCKED",
  "OOM",
  "NOREPLICAS",
  "MISCONF",
  "CLUSTERDOWN",
  "TRYAGAIN",
  "MOVED",
  "ASK",
] as const;

export const REDIS_ROLES = ["master", "slave"] as const;

/** Settings of a server under which what it acknowledged is lost. */
export const REDIS_UNFIT = ["eviction", "persistence", "replicas"] as const;

export const redisMetrics = {
  redisCallErrors: {
    type: "counter",
    name: "moa_redis_command_errors_total",
    help: "Redis calls that failed, by what Redis or the connection said.",
    labels: {
      code: ["timeout", "connection", ...REDIS_REFUSALS, "other"],
    },
  },
  redisFailovers: {
    type: "counter",
    name: "moa_redis_failovers_observed_total",
    help: "Times another Redis answered than the one before (its run or its line of replication differs), so that loss is assumed.",
  },
  redisReconnects: {
    type: "counter",
    name: "moa_redis_reconnects_total",
    help: "Connections to Redis made again, by purpose.",
    labels: { purpose: ["commands", "reader", "subscriber"] },
  },
  probeSilences: {
    type: "counter",
    name: "moa_subscriber_restarts_total",
    help: "Subscribers restarted because they did not hear their own probe.",
  },
  redisAnswerSeconds: {
    type: "histogram",
    name: "moa_redis_answer_seconds",
    help: "How long Redis took to say who it is; each server is asked every 2 s, behind the calls under way.",
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2],
  },
  redisRole: {
    type: "gauge",
    name: "moa_redis_role",
    help: "Redis servers that this pod writes to, by what they say they are; a slave among them refuses what it is given.",
    labels: { role: REDIS_ROLES },
  },
  redisUnfitServers: {
    type: "gauge",
    name: "moa_redis_unfit_servers",
    help: "Redis servers whose settings lose data: eviction: maxmemory-policy is not noeviction; persistence: no append-only file; replicas: it has replicas and writes without them.",
    labels: { fault: REDIS_UNFIT },
  },
  redisMemoryRatio: {
    type: "gauge",
    name: "moa_redis_memory_used_ratio",
    help: "Memory of the fullest Redis server as a share of its maxmemory; 0 where it has none.",
  },
  redisClockSkewSeconds: {
    type: "gauge",
    name: "moa_clock_skew_seconds",
    help: "Redis' clock less this pod's, of the server where it is furthest.",
  },
} as const;
