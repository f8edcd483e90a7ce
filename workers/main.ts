/** Composition root of the worker pod: the only place that names its backends. */
import { Approvals } from "#common/access/approvals.ts";
import { BullmqJobQueue } from "#common/backends/bullmq/job-queue.ts";
import { type AdministeredTables, MysqlAdministration } from "#common/backends/mysql/administration.ts";
import { MysqlApprovalStore } from "#common/backends/mysql/approval-store.ts";
import { MysqlCheckup } from "#common/backends/mysql/checkup.ts";
import { Mysql } from "#common/backends/mysql/mysql.ts";
import { MysqlPingStore } from "#common/backends/mysql/ping-store.ts";
import { redisBackends } from "#common/backends/redis/backends.ts";
import { placeOf } from "#common/backends/redis/place.ts";
import { type Pod, type PodMake, runPod } from "#common/backends/system/pod.ts";
import type { Config } from "#common/config/load.ts";
import { keysFor } from "#common/contract/keys.ts";
import type { Part } from "#common/kernel/lifecycle.ts";
import { checkupRoutes, laneCheckup, workerRoutes } from "#common/observe/admin-routes.ts";
import { AutoReplies } from "./auto-replies.ts";
import { commands } from "./commands/catalogue.ts";
import { Erasures } from "./erasures.ts";
import { raiseLanes } from "./intake/raised-lanes.ts";
import { migrateOnce } from "./migrate.ts";
import { scheduleRoutes } from "./schedule-routes.ts";
import { MysqlAutoReplyStore } from "./stores/auto-reply-store.ts";
import { MysqlChatLogStore } from "./stores/chat-log-store.ts";
import { erase } from "./stores/erase.ts";
import { laneMarks } from "./stores/lane-marks.ts";
import { migrations } from "./stores/migrations/catalogue.ts";
import { MysqlOutboxRows } from "./stores/outbox-rows.ts";
import { outdated, type RetentionDays } from "./stores/retention.ts";
import { MysqlScheduleStore } from "./stores/schedule-store.ts";
import type { Schema } from "./stores/schema.ts";
import { type Applier, MysqlTurnStore } from "./stores/turn-store.ts";
import { type JobRole, jobParts, type LaneRole, laneParts, rowParts } from "./worker.ts";

/** What a test's own main may put in the place of the product's. */
export interface WorkerMake {
  readonly commands: LaneRole["commands"];
  readonly appliers: ReadonlyMap<string, Applier>;
  /** Sees the ports of a role before the worker gets them. */
  around(role: LaneRole): LaneRole;
  aroundJobs(role: JobRole): JobRole;
}

const PRODUCT: WorkerMake = { commands, appliers: new Map(), around: (role) => role, aroundJobs: (role) => role };

export function workerOf(config: Config, pod: Pod, make = PRODUCT): PodMake {
  const topology = { shards: config.shards, lanesPerShard: config.lanesPerShard, tags: config.outboxTags };
  const keys = keysFor(topology, config.keyPrefix);
  const redis = redisBackends({ ...pod, ...config, ...placeOf(config), keys, topology });
  const { mysql, rowsMysql, adminMysql, audit, pings, closed } = waysToMysql(config.mysqlUrl, pod);
  const basics = { ...pod, topology: redis.reach, membership: redis.membership, onLoss: redis.onLoss };
  const backends = { config, redis, mysql, ...stores(mysql) };
  const raise = () => raiseLanes({ ...basics, lanes: redis.lanes, marks: () => laneMarks(mysql) });
  const store = new MysqlApprovalStore({ mysql, auto: config.approval === "auto" });
  const approvals = new Approvals({ ...pod, store, changes: redis.approvalChanges });
  const rules = { store: new MysqlAutoReplyStore(mysql), changes: redis.approvalChanges, commands: make.commands };
  const autoReplies = new AutoReplies({ ...pod, ...rules });
  const chatLog = new MysqlChatLogStore({ ...pod, mysql: rowsMysql });
  const erasures = new Erasures({
    ...pod,
    erase: (asked) => erase(asked, { ...pod, ...redis, mysql, chatLog, audit }),
  });
  const roles: Readonly<Record<string, () => readonly Part[]>> = {
    lanes: () => [
      approvals,
      autoReplies,
      ...laneParts(make.around({ ...basics, ...ofLanes(backends, make), approvals, autoReplies, raise })),
    ],
    rows: () => rowParts({ ...basics, rowLog: redis.rows, store: chatLog }),
    jobs: () => {
      const queue = new BullmqJobQueue({ ...pod, ...placeOf(config), prefix: keys.jobs });
      return jobParts(make.aroundJobs({ ...basics, ...ofJobs(backends), queue }));
    },
  };
  const parts: readonly Part[] = [
    { name: "schema", start: () => migrateOnce(config.mysqlUrl, pod) },
    { name: "mysql", stop: closed },
    { name: "redis", start: () => redis.start(), stop: () => redis.close() },
    { name: "lanes raised", start: raise },
    erasures,
    ...config.workerRoles.flatMap((role) => roles[role]?.() ?? []),
  ];
  const mysqlCheckup = new MysqlCheckup(adminMysql, pod.clock, Object.keys(migrations));
  const checkups = [laneCheckup(redis), redis.checkup, mysqlCheckup];
  const routes = workerRoutes({ ...pod, ...redis, administration: audit, audit, pings });
  const more = { ...checkupRoutes(checkups), ...erasures.routes, ...autoReplies.routes, ...scheduleRoutes(backends) };
  return { parts, admin: { routes: { ...routes, ...more }, audit } };
}

function stores(mysql: Mysql<Schema>) {
  return { outboxRows: new MysqlOutboxRows(mysql), schedules: new MysqlScheduleStore(mysql) };
}

interface Backends extends ReturnType<typeof stores> {
  readonly config: Config;
  readonly redis: ReturnType<typeof redisBackends>;
  readonly mysql: Mysql<Schema>;
}

function ofLanes({ config, redis, mysql, outboxRows }: Backends, { appliers, commands }: WorkerMake) {
  return {
    actionTtlMs: config.actionTtlMs,
    reader: redis.lanes,
    balances: redis.balances,
    outbox: redis.outboxWriter,
    turns: new MysqlTurnStore(mysql, appliers),
    outboxRows,
    commands,
  };
}

function ofJobs({ config, redis, mysql, outboxRows, schedules }: Backends) {
  return {
    actionTtlMs: config.actionTtlMs,
    lanes: redis.lanes,
    outbox: redis.outboxWriter,
    outboxes: redis.outboxExpiry,
    rows: outboxRows,
    schedules,
    outdated: () => outdated(mysql, retentionDaysOf(config)),
  };
}

function waysToMysql(url: string, pod: Pod) {
  const mysql = new Mysql<Schema>({ ...pod, url, connectionsMax: 8 });
  // The row writer's statements are finished text; see MysqlOptions.textOnly.
  const rowsMysql = new Mysql<Schema>({ ...pod, url, connectionsMax: 2, textOnly: true });
  // Its own few connections: an operator must not wait behind the turns that he wants to look into.
  const adminMysql = new Mysql<AdministeredTables>({ ...pod, url, connectionsMax: 2 });
  const audit = new MysqlAdministration(adminMysql);
  const pings = new MysqlPingStore(adminMysql);
  const closed = async () => void (await Promise.all([mysql, rowsMysql, adminMysql].map((one) => one.close())));
  return { mysql, rowsMysql, adminMysql, audit, pings, closed };
}

function retentionDaysOf(config: Config): RetentionDays {
  return { chatLog: config.retentionChatLogDays, ping: config.retentionPingDays, audit: config.retentionAuditDays };
}

if (import.meta.main) await runPod("worker", workerOf);
