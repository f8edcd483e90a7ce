/** Composition root of the gateway pod: the only place that names its backends. */
import { Approvals } from "#common/access/approvals.ts";
import { type AdministeredTables, MysqlAdministration } from "#common/backends/mysql/administration.ts";
import { MysqlApprovalStore } from "#common/backends/mysql/approval-store.ts";
import { MysqlCheckup } from "#common/backends/mysql/checkup.ts";
import { Mysql } from "#common/backends/mysql/mysql.ts";
import { MysqlPingStore } from "#common/backends/mysql/ping-store.ts";
import { redisBackends } from "#common/backends/redis/backends.ts";
import { placeOf } from "#common/backends/redis/place.ts";
import { runPod } from "#common/backends/system/pod.ts";
import { keysFor } from "#common/contract/keys.ts";
import { checkupRoutes } from "#common/observe/admin-routes.ts";
import { connectionRoutes } from "#common/observe/connection-routes.ts";
import { drainRoutes } from "#common/observe/drain-routes.ts";
import { heldRoutes } from "#common/observe/held-routes.ts";
import { writerRoutes } from "#common/observe/writer-routes.ts";
import { Gateway } from "./gateway.ts";
import { platforms } from "./platforms/catalogue.ts";

await runPod("gateway", (config, pod) => {
  const topology = { shards: config.shards, lanesPerShard: config.lanesPerShard, tags: config.outboxTags };
  const keys = keysFor(topology, config.keyPrefix);
  const redis = redisBackends({ ...pod, ...config, ...placeOf(config), keys, topology });
  const mysql = new Mysql({ ...pod, url: config.mysqlUrl, connectionsMax: 2 });
  const store = new MysqlApprovalStore({ mysql, auto: config.approval === "auto" });
  const approvals = new Approvals({ ...pod, store, changes: redis.approvalChanges });
  const parts = { ...pod, ...redis, ...config, topology: redis.reach, approvals, pings: new MysqlPingStore(mysql) };
  const gateway = new Gateway({ ...parts, platform: platforms.bridge });
  const adminMysql = new Mysql<AdministeredTables>({ ...pod, url: config.mysqlUrl, connectionsMax: 2 });
  const audit = new MysqlAdministration(adminMysql);
  return {
    parts: [
      { name: "mysql of the operators", stop: () => adminMysql.close() },
      { name: "redis", start: () => redis.start(), stop: () => redis.close() },
      { name: "mysql", stop: () => mysql.close() },
      approvals,
      ...gateway.parts,
    ],
    ready: () => gateway.isReady,
    ports: () => gateway.ports,
    admin: {
      routes: {
        ...connectionRoutes(() => gateway.seen()),
        ...writerRoutes({ ...parts, audit }),
        ...heldRoutes({ ...parts, audit }),
        ...drainRoutes({ ...pod, audit, connections: () => gateway.connections, drain: () => gateway.drain() }),
        ...checkupRoutes([redis.checkup, new MysqlCheckup(adminMysql, pod.clock)]),
      },
      audit,
    },
  };
});
