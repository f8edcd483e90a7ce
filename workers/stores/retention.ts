/**
 * Drops what nobody asks for any more, in small batches, so that no lock is held long and no replica falls behind.
 * Longer than Redis remembers an event: a parked one may be run again by a person days later.
 */
import { sql } from "kysely";
import type { Mysql } from "#common/backends/mysql/mysql.ts";
import { limits } from "#common/contract/limits.ts";
import { assert } from "#common/kernel/assert.ts";
import type { Schema } from "./schema.ts";

const KEPT_DAYS = 7;
const BATCH_ROWS = 1_000;

assert(KEPT_DAYS * 86_400_000 > limits.seenBucketMs * limits.seenBuckets, "MySQL remembers events longer than Redis");

/** One batch of each table. @returns rows dropped; as many as it may means that there may be more */
export async function dropOutdated(mysql: Mysql<Schema>): Promise<number> {
  const statements = [
    `DELETE FROM moa_seen_events WHERE at < CURRENT_TIMESTAMP(3) - INTERVAL ${KEPT_DAYS} DAY LIMIT ${BATCH_ROWS}`,
    `DELETE FROM moa_outbox WHERE closed_at < CURRENT_TIMESTAMP(3) - INTERVAL ${KEPT_DAYS} DAY LIMIT ${BATCH_ROWS}`,
  ];
  let dropped = 0;
  for (const statement of statements) {
    const result = await mysql.run(() => sql.raw(statement).execute(mysql.db));
    dropped += Number(result.numAffectedRows ?? 0n);
  }
  return dropped;
}
