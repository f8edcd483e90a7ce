/**
 * Every setting: its environment variable, default and one sentence. docs/settings.md is made from this file.
 * Read once in main.ts; no import has an effect.
 */
import convict from "convict";
import { limits } from "../contract/limits.ts";
import { LOG_LEVELS, type LogLevel } from "../observe/logger.ts";
import { namedFormats, oneOf, port, share, token, url, within } from "./formats.ts";
import { type BotKeys, hmacKeysFormat } from "./hmac-keys.ts";

for (const format of [...namedFormats, hmacKeysFormat]) convict.addFormat(format);

const DAYS_MAX = 36_500;

export const settingsSchema = {
  mode: {
    doc: "Which of the original's two databases, as its --mode: test = kkobot_test, prod = kkobot_prod, unless MOA_MYSQL_URL names one. Each has Redis keys of its own.",
    format: oneOf("", "test", "prod"),
    default: "" as "" | "test" | "prod",
    env: "MOA_MODE",
  },
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
    format: oneOf(...LOG_LEVELS),
    default: "info" as LogLevel,
    env: "MOA_LOG_LEVEL",
  },
  redisUrl: {
    doc: "A single Redis, as redis://user:password@host:port/0; rediss:// = TLS.",
    format: url("redis:", "rediss:"),
    default: "redis://127.0.0.1:6379/0",
    env: "MOA_REDIS_URL",
    sensitive: true,
  },
  redisSentinels: {
    doc: "In the place of MOA_REDIS_URL: the Sentinels that know the master, as host:port, comma separated.",
    format: "addresses",
    default: [] as readonly string[],
    env: "MOA_REDIS_SENTINELS",
  },
  redisMaster: {
    doc: "What the Sentinels call the master.",
    format: String,
    default: "mymaster",
    env: "MOA_REDIS_MASTER",
  },
  redisSentinelPassword: {
    doc: "Password of the Sentinels themselves; empty = none.",
    format: String,
    default: "",
    env: "MOA_REDIS_SENTINEL_PASSWORD",
    sensitive: true,
  },
  redisCluster: {
    doc: "In the place of MOA_REDIS_URL: some nodes of a Redis Cluster, as host:port, comma separated.",
    format: "addresses",
    default: [] as readonly string[],
    env: "MOA_REDIS_CLUSTER",
  },
  redisUser: {
    doc: "ACL user on the servers behind Sentinels or of a Cluster; empty = the default user.",
    format: String,
    default: "",
    env: "MOA_REDIS_USER",
  },
  redisPassword: {
    doc: "Its password; empty = none.",
    format: String,
    default: "",
    env: "MOA_REDIS_PASSWORD",
    sensitive: true,
  },
  redisTls: {
    doc: "TLS to the servers behind Sentinels, to these and to a Cluster.",
    format: "switch",
    default: false,
    env: "MOA_REDIS_TLS",
  },
  redisCaFile: {
    doc: "PEM file of the authorities that may have signed Redis' certificate; empty = Node's own list.",
    format: String,
    default: "",
    env: "MOA_REDIS_CA_FILE",
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
    default: ["lanes", "rows", "jobs"] as readonly string[],
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
  approval: {
    doc: "Who lets unknown devices and rooms in: an operator, or auto, which lets everybody in.",
    format: oneOf("operator", "auto"),
    default: "operator" as "operator" | "auto",
    env: "MOA_APPROVAL",
  },
  hmac: {
    doc: "What a bad or missing signature means: require = refused, warn = counted. MOA_HMAC_KEYS may differ for one bot.",
    format: oneOf("require", "warn"),
    default: "require" as "require" | "warn",
    env: "MOA_HMAC",
  },
  hmacKeys: {
    doc: 'Keys of the bots\' signatures, as {"BOT":[{"key":"…","salt":"…"}]}; `*` = every bot not named; two of a bot while its phones change over. In the place of the list also {"keys":[…],"require":false,"allow":["10.0.0.0/8"]}.',
    format: "hmac keys",
    default: [] as readonly BotKeys[],
    env: "MOA_HMAC_KEYS",
    sensitive: true,
  },
  opsToken: {
    doc: "Bearer token for /admin/* of the ops port, 16 characters at least; empty = those paths do not exist.",
    format: token,
    default: "",
    env: "MOA_OPS_TOKEN",
    sensitive: true,
  },
  insecure: {
    doc: "Allows auto approval and unsigned lines on an address that others reach, and a Redis whose master writes without its replicas.",
    format: "switch",
    default: false,
    env: "MOA_INSECURE",
  },
  markWrites: {
    doc: "Test frames carry the epoch and write time in fields phones ignore.",
    format: "switch",
    default: false,
    env: "MOA_MARK_WRITES",
  },
  proxyProtocolFrom: {
    doc: "Networks whose connections begin with a PROXY protocol header, comma separated, as 10.0.0.0/8; empty = none.",
    format: "networks",
    default: [] as readonly string[],
    env: "MOA_PROXY_PROTOCOL_FROM",
  },
  connectionsMax: {
    doc: "Connections of one gateway at which its listener closes until some have gone.",
    format: within(1, 1_000_000),
    default: 15_000,
    env: "MOA_CONNECTIONS_MAX",
  },
  tlsPort: {
    doc: "Port of the bridge protocol over TLS, open only with MOA_TLS_CERT_FILE and MOA_TLS_KEY_FILE.",
    format: port,
    default: 1493,
    env: "MOA_TLS_PORT",
  },
  tlsCertFile: {
    doc: "PEM file of the TLS certificate and its chain; empty = no TLS.",
    format: String,
    default: "",
    env: "MOA_TLS_CERT_FILE",
  },
  tlsKeyFile: {
    doc: "PEM file of the certificate's private key.",
    format: String,
    default: "",
    env: "MOA_TLS_KEY_FILE",
  },
  retentionChatLogDays: {
    doc: "Days after which rows of kb_chat_logs are deleted; 0 = never.",
    format: within(0, DAYS_MAX),
    default: 0,
    env: "MOA_RETENTION_CHAT_LOG_DAYS",
  },
  retentionPingDays: {
    doc: "Days after which rows of kb_ping_monitor are deleted; 0 = never.",
    format: within(0, DAYS_MAX),
    default: 90,
    env: "MOA_RETENTION_PING_DAYS",
  },
  retentionAuditDays: {
    doc: "Days after which rows of moa_audit are deleted; 0 = never.",
    format: within(0, DAYS_MAX),
    default: 0,
    env: "MOA_RETENTION_AUDIT_DAYS",
  },
};

export type Setting = keyof typeof settingsSchema;
