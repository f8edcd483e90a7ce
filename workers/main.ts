/** Composition root of the worker pod: the only place that names its backends. */
import { BullmqJobQueue } from "#common/backends/bullmq/job-queue.ts";
import { Mysql } from "#common/backends/mysql/mysql.ts";
import { redisBackends } from "#common/backends/redis/backends.ts";
import { type Pod, runPod } from "#common/backends/system/pod.ts";
import type { Config } from "#common/config/load.ts";
import { keysFor } from "#common/contract/keys.ts";
import type { Part } from "#common/kernel/lifecycle.ts";
import { commands } from "./commands/catalogue.ts";
import { MysqlChatLogStore } from "./stores/chat-log-store.ts";
import { migrate } from "./stores/migrate.ts";
import { MysqlOutboxRows } from "./stores/outbox-rows.ts";
import { dropOutdated } from "./stores/retention.ts";
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

/** A filled table of the original is altered in minutes, not seconds. */
const MIGRATION_MS_MAX = 1_800_000;

const PRODUCT: WorkerMake = { commands, appliers: new Map(), around: (role) => role };

export function partsOfWorker(config: Config, pod: Pod, make = PRODUCT): readonly Part[] {
  const topology = { shards: config.shards, lanesPerShard: config.lanesPerShard, tags: config.outboxTags };
  const keys = keysFor(topology, config.keyPrefix);
  const redis = redisBackends({ ...pod, url: config.redisUrl, keys, topology, laneBacklogMax: config.laneBacklogMax });
  const mysql = new Mysql<Schema>({ ...pod, url: config.mysqlUrl, connectionsMax: 8 });
  // The row writer's statements are finished text; see MysqlOptions.textOnly.
  const rowsMysql = new Mysql<Schema>({ ...pod, url: config.mysqlUrl, connectionsMax: 2, textOnly: true });
  const basics = { ...pod, topology: redis.reach, membership: redis.membership };
  const outboxRows = new MysqlOutboxRows(mysql);
  const roles: Readonly<Record<string, () => readonly Part[]>> = {
    lanes: () =>
      laneParts(
        make.around({
          ...basics,
          actionTtlMs: config.actionTtlMs,
          reader: redis.lanes,
          balances: redis.balances,
          outbox: redis.outboxWriter,
          turns: new MysqlTurnStore(mysql, make.appliers),
          outboxRows,
          commands: make.commands,
        }),
      ),
    rows: () => rowParts({ ...basics, rowLog: redis.rows, store: new MysqlChatLogStore({ ...pod, mysql: rowsMysql }) }),
    jobs: () =>
      jobParts({
        ...basics,
        queue: new BullmqJobQueue({ ...pod, url: config.redisUrl, prefix: keys.jobs }),
        lanes: redis.lanes,
        outbox: redis.outboxWriter,
        rows: outboxRows,
        dropOutdated: () => dropOutdated(mysql),
      }),
  };
  return [
    { name: "schema", start: () => migrateOnce(config.mysqlUrl, pod) },
    { name: "mysql", stop: () => mysql.close() },
    { name: "mysql of the rows", stop: () => rowsMysql.close() },
    { name: "redis", start: () => redis.start(), stop: () => redis.close() },
    ...config.workerRoles.flatMap((role) => roles[role]?.() ?? []),
  ];
}

/** Workers that start at once wait for the one that migrates; gateways need no schema. */
async function migrateOnce(url: string, pod: Pod): Promise<void> {
  const mysql = new Mysql<Schema>({ ...pod, url, connectionsMax: 2, callMsMax: MIGRATION_MS_MAX });
  try {
    await migrate(mysql.db, pod.log);
  } finally {
    await mysql.close();
  }
}

if (import.meta.main) await runPod("worker", (config, pod) => ({ parts: partsOfWorker(config, pod) }));
