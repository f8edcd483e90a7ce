/**
 * Every setting: its environment variable, default and one sentence. docs/settings.md is made from this file.
 * Read once in main.ts; no import has an effect.
 */
import convict from "convict";
import { limits } from "../contract/limits.ts";
import { LOG_LEVELS } from "../observe/logger.ts";

convict.addFormat({
  name: "roles",
  coerce: (value: unknown) => (typeof value === "string" ? value.split(",").map((role) => role.trim()) : value),
  validate: (value: unknown) => {
    const allowed = ["lanes", "rows", "jobs"];
    if (!Array.isArray(value) || value.length === 0 || !value.every((role) => allowed.includes(role))) {
      throw new Error(`must be a comma separated list of ${allowed.join(", ")}`);
    }
  },
});

function port(value: unknown): void {
  if (!Number.isInteger(value) || (value as number) < 0 || (value as number) > 65_535) {
    throw new Error("must be a port, 0 to 65535 (0 = any free one)");
  }
}

function within(low: number, high: number) {
  return (value: unknown): void => {
    if (!Number.isInteger(value) || (value as number) < low || (value as number) > high) {
      throw new Error(`must be a whole number from ${low} to ${high}`);
    }
  };
}

function share(value: unknown): void {
  if (typeof value !== "number" || value < 0 || value > 1) throw new Error("must be a number from 0 to 1");
}

/** The message never quotes the value: an URL may hold a password. */
function url(...schemes: string[]) {
  return (value: unknown): void => {
    const parsed = URL.canParse(String(value)) ? new URL(String(value)) : undefined;
    if (parsed === undefined || !schemes.includes(parsed.protocol) || parsed.hostname === "") {
      throw new Error(
        `must be a URL with a host that starts with ${schemes.map((scheme) => `${scheme}//`).join(" or ")}`,
      );
    }
  };
}

export const settingsSchema = {
  podName: {
    doc: "Name of this pod in logs, owners and life keys; the host name when empty.",
    format: String,
    default: "",
    env: "MOA_POD_NAME",
  },
  host: { doc: "Address to listen on.", format: String, default: "127.0.0.1", env: "MOA_HOST" },
  bridgePort: { doc: "Port of the phones' bridge protocol.", format: port, default: 1490, env: "MOA_BRIDGE_PORT" },
  opsPort: {
    doc: "Port of /livez, /readyz, /startupz and /metrics.",
    format: port,
    default: 9464,
    env: "MOA_OPS_PORT",
  },
  logLevel: {
    doc: "Least severe level that is logged.",
    format: [...LOG_LEVELS],
    default: "info",
    env: "MOA_LOG_LEVEL",
  },
  redisUrl: {
    doc: "Redis, as redis://user:password@host:port/0.",
    format: url("redis:", "rediss:"),
    default: "redis://127.0.0.1:6379/0",
    env: "MOA_REDIS_URL",
    sensitive: true,
  },
  mysqlUrl: {
    doc: "MySQL or MariaDB, as mysql://user:password@host:port/database.",
    format: url("mysql:"),
    default: "mysql://moa@127.0.0.1:3306/moa",
    env: "MOA_MYSQL_URL",
    sensitive: true,
  },
  keyPrefix: {
    doc: "What every Redis key of this deployment starts with.",
    format: String,
    default: "moa:",
    env: "MOA_KEY_PREFIX",
  },
  shards: {
    doc: "Hash tags over which the lanes are spread. Part of the deployment's identity: change it only drained.",
    format: within(1, 64),
    default: 2,
    env: "MOA_SHARDS",
  },
  lanesPerShard: {
    doc: "Lanes of each shard; shards x lanes is the most workers that can share the work.",
    format: within(1, 64),
    default: 8,
    env: "MOA_LANES_PER_SHARD",
  },
  outboxTags: {
    doc: "Hash tags over which the bots' outboxes are spread.",
    format: within(1, 64),
    default: 8,
    env: "MOA_OUTBOX_TAGS",
  },
  workerRoles: {
    doc: "What this worker does: lanes, rows (chat log to MySQL), jobs. Comma separated.",
    format: "roles",
    default: ["lanes", "rows", "jobs"] as string[],
    env: "MOA_WORKER_ROLES",
  },
  actionTtlMs: {
    doc: "How long after a line its answer may still be shown, ms.",
    format: within(1_000, 3_600_000),
    default: limits.actionMsMax as number,
    env: "MOA_ACTION_TTL_MS",
  },
  botRatePerSecond: {
    doc: "Chat lines a second that one bot may send for long; beyond it its connections are read slower.",
    format: within(1, 1_000_000),
    default: 1_000,
    env: "MOA_BOT_RATE",
  },
  roomRatePerSecond: {
    doc: "Chat lines a second that one room may send for long; beyond ten seconds' worth at once its lines are refused and counted.",
    format: within(1, 1_000_000),
    default: 200,
    env: "MOA_ROOM_RATE",
  },
  laneBacklogMax: {
    doc: "Unhandled events of one lane at which gateways stop reading.",
    format: within(100, 10_000_000),
    default: limits.laneBacklogEventsMax as number,
    env: "MOA_LANE_BACKLOG_MAX",
  },
  otlpUrl: { doc: "OTLP/HTTP endpoint for traces; empty = none.", format: String, default: "", env: "MOA_OTLP_URL" },
  traceRatio: { doc: "Share of turns that are traced, 0 to 1.", format: share, default: 0.01, env: "MOA_TRACE_RATIO" },
};
