/**
 * Brings the database to this version. Safe from several pods at once: kysely holds a lock of the server (GET_LOCK),
 * which a killed pod loses with its connection.
 */
import type { Kysely } from "kysely";
import { Migrator } from "kysely/migration";
import type { Log } from "#common/observe/logger.ts";
import { migrations } from "./migrations/catalogue.ts";
import type { Schema } from "./schema.ts";

const TABLE = "moa_migrations";

/** @throws MoaError mysql_unavailable, also when a statement of a migration was refused; to be called again */
export async function migrate(db: Kysely<Schema>, log: Log): Promise<void> {
  if (await isUpToDate(db)) return;
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => ({ ...migrations }) },
    migrationTableName: TABLE,
    migrationLockTableName: `${TABLE}_lock`,
  });
  const { error, results } = await migrator.migrateToLatest();
  for (const { migrationName, status } of results ?? [])
    log.info({ tag: "DB", migration: migrationName, status }, "migration");
  // A pod of a newer version may have passed this one while it waited for the lock.
  if (error !== undefined && !(await isUpToDate(db))) throw error;
}

/**
 * The migrator refuses a database that knows a migration it does not: true of every pod of version N-1 that restarts
 * while N rolls out. What is there of a newer version only expands.
 */
async function isUpToDate(db: Kysely<Schema>): Promise<boolean> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some((table) => table.name === TABLE)) return false;
  const rows = await db.withTables<{ [TABLE]: { name: string } }>().selectFrom(TABLE).select("name").execute();
  const done = new Set(rows.map((row) => row.name));
  return Object.keys(migrations).every((name) => done.has(name));
}
