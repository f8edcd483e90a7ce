import type { RawBuilder } from "kysely";
import type { Mysql } from "#common/backends/mysql/mysql.ts";
import type { Schema } from "./schema.ts";

/** @throws MoaError mysql_unavailable */
export async function rowsOf<Row>(mysql: Mysql<Schema>, query: RawBuilder<Row>): Promise<readonly Row[]> {
  return (await mysql.run(() => query.execute(mysql.db))).rows;
}

/** How many rows the statement changed. @throws MoaError mysql_unavailable */
export async function affected(mysql: Mysql<Schema>, statement: RawBuilder<unknown>): Promise<number> {
  const result = await mysql.run(() => statement.execute(mysql.db));
  return Number(result.numAffectedRows ?? 0n);
}
