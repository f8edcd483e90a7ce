/**
 * Composition root of the migration alone: brings the database to this version and exits, 0 when it is there, 1 when not
 * (to be run again). It needs MySQL only, so that a deployment may wait for it before any pod starts; a worker does the
 * same at its own start, where nobody ran this.
 */
import { Mysql } from "#common/backends/mysql/mysql.ts";
import { type Pod, runOnce } from "#common/backends/system/pod.ts";
import { limits } from "#common/contract/limits.ts";
import { migrate } from "./stores/migrate.ts";
import type { Schema } from "./stores/schema.ts";

/** Workers that start at once wait for the one that migrates; a gateway admits nobody before the tables are there. */
export async function migrateOnce(url: string, pod: Omit<Pod, "podName" | "tracing">): Promise<void> {
  const mysql = new Mysql<Schema>({ ...pod, url, connectionsMax: 2, callMsMax: limits.migrationMsMax });
  try {
    await migrate(mysql.db, pod.log);
  } finally {
    await mysql.close();
  }
}

if (import.meta.main) await runOnce("migrate", (config, pod) => migrateOnce(config.mysqlUrl, pod));
