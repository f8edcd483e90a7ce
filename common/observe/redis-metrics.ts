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
} as const;
