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
import { commands } from "./commands/catalogue.ts";
import { Erasures } from "./erasures.ts";
import { raiseLanes } from "./intake/raised-lanes.ts";
import { migrateOnce } from "./migrate.ts";
import { MysqlChatLogStore } from "./stores/chat-log-store.ts";
import { erase } from "./stores/erase.ts";
import { laneMarks } from "./stores/lane-marks.ts";
import { migrations } from "./stores/migrations/catalogue.ts";
import { MysqlOutboxRows } from "./stores/outbox-rows.ts";
import { outdated, type RetentionDays } from "./stores/retention.ts";
import type { Schema } from "./stores/schema.ts";
import { type Applier, MysqlTurnStore } from "./stores/turn-store.ts";
import { jobParts, type LaneRole, laneParts, rowParts } from "./worker.ts";

/** What a test's own main may put in the place of the product's. */
export interface WorkerMake {
  readonly commands: LaneRole["commands"];
  readonly appliers: ReadonlyMap<string, Applier>;
  /** Sees the ports of the lane role before the worker gets them. */
  around(role: LaneRole): LaneRole;
}

const PRODUCT: WorkerMake = { commands, appliers: new Map(), around: (role) => role };

export function workerOf(config: Config, pod: Pod, make = PRODUCT): PodMake {
  const topology = { shards: config.shards, lanesPerShard: config.lanesPerShard, tags: config.outboxTags };
  const keys = keysFor(topology, config.keyPrefix);
  const redis = redisBackends({ ...pod, ...config, ...placeOf(config), keys, topology });
  const { mysql, rowsMysql, adminMysql, audit, pings, closed } = waysToMysql(config.mysqlUrl, pod);
  const basics = { ...pod, topology: redis.reach, membership: redis.membership, onLoss: redis.onLoss };
  const raise = () => raiseLanes({ ...basics, lanes: redis.lanes, marks: () => laneMarks(mysql) });
  const store = new MysqlApprovalStore({ mysql, auto: config.approval === "auto" });
  const approvals = new Approvals({ ...pod, store, changes: redis.approvalChanges });
  const outboxRows = new MysqlOutboxRows(mysql);
  const chatLog = new MysqlChatLogStore({ ...pod, mysql: rowsMysql });
  const erasures = new Erasures({
    ...pod,
    erase: (asked) => erase(asked, { ...pod, ...redis, mysql, chatLog, audit }),
  });
  const roles: Readonly<Record<string, () => readonly Part[]>> = {
    lanes: () => [
      approvals,
      ...laneParts(
        make.around({
          ...basics,
          actionTtlMs: config.actionTtlMs,
          reader: redis.lanes,
          balances: redis.balances,
          outbox: redis.outboxWriter,
          turns: new MysqlTurnStore(mysql, make.appliers),
          outboxRows,
          approvals,
          commands: make.commands,
          raise,
        }),
      ),
    ],
    rows: () => rowParts({ ...basics, rowLog: redis.rows, store: chatLog }),
    jobs: () =>
      jobParts({
        ...basics,
        queue: new BullmqJobQueue({ ...pod, ...placeOf(config), prefix: keys.jobs }),
        lanes: redis.lanes,
        outbox: redis.outboxWriter,
        outboxes: redis.outboxExpiry,
        rows: outboxRows,
        outdated: () => outdated(mysql, retentionDaysOf(config)),
      }),
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
  return { parts, admin: { routes: { ...routes, ...checkupRoutes(checkups), ...erasures.routes }, audit } };
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
