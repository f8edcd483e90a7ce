/**
 * Drops what is past its days, in small batches, so that no lock is held long and no replica falls behind.
 *
 *   by index    moa's own tables: the oldest first, until a batch is not full
 *   by id       tables that people read, whose time has no index: a page of ids after another from the lowest on, until
 *               one has nothing outdated. Rows come in about the order of their time; what a page of young rows hides
 *               behind it is found when those are outdated themselves.
 */
import { sql } from "kysely";
import type { Mysql } from "#common/backends/mysql/mysql.ts";
import { limits } from "#common/contract/limits.ts";
import { assert } from "#common/kernel/assert.ts";
import type { DeletedBatch } from "#workers/domain/stores.ts";
import type { AgingTable } from "#workers/jobs/retention.ts";
import { outdatedOfRooms } from "./retention-of-rooms.ts";
import { affected, rowsOf } from "./run-sql.ts";
import type { Schema } from "./schema.ts";

/** Longer than Redis remembers an event: a parked one may be run again by a person days later. */
const OWN_DAYS = 7;
const BATCH_ROWS = 1_000;

assert(OWN_DAYS * 86_400_000 > limits.seenBucketMs * limits.seenBuckets, "MySQL remembers events longer than Redis");

/** How many days rows are kept; 0 = for ever. */
export interface RetentionDays {
  readonly chatLog: number;
  readonly ping: number;
  readonly audit: number;
}

/** Batch after batch, each one a statement or two. @throws MoaError mysql_unavailable */
export async function* outdated(mysql: Mysql<Schema>, days: RetentionDays): AsyncGenerator<DeletedBatch<AgingTable>> {
  const utc = (kept: number) => `< CURRENT_TIMESTAMP(3) - INTERVAL ${kept} DAY`;
  yield* byIndex(mysql, "moa_seen_events", `at ${utc(OWN_DAYS)}`);
  yield* byIndex(mysql, "moa_outbox", `closed_at ${utc(OWN_DAYS)}`);
  if (days.audit > 0) yield* byIndex(mysql, "moa_audit", `at ${utc(days.audit)}`);
  if (days.chatLog > 0) yield* byId(mysql, "kb_chat_logs", days.chatLog);
  if (days.ping > 0) yield* byId(mysql, "kb_ping_monitor", days.ping);
  yield* outdatedOfRooms(mysql);
}

async function* byIndex(mysql: Mysql<Schema>, table: AgingTable, where: string) {
  for (let rows = BATCH_ROWS; rows === BATCH_ROWS; ) {
    rows = await affected(mysql, sql.raw(`DELETE FROM ${table} WHERE ${where} LIMIT ${BATCH_ROWS}`));
    yield { table, rows };
  }
}

interface Page {
  readonly last: number | null;
  /** Rows with a time, and those of them that are outdated. */
  readonly dated: number;
  readonly old: number | null;
}

/** The session's clock is UTC, that of the original's tables Korea's. */
async function* byId(mysql: Mysql<Schema>, table: AgingTable, kept: number) {
  const isOld = `server_timestamp < CURRENT_TIMESTAMP(3) + INTERVAL 9 HOUR - INTERVAL ${kept} DAY`;
  for (let after = 0; ; ) {
    const rows = `SELECT id, server_timestamp FROM ${table} WHERE id > ${after} ORDER BY id LIMIT ${BATCH_ROWS}`;
    const sums = `MAX(id) AS last, COUNT(server_timestamp) AS dated, SUM(${isOld}) AS old`;
    const [found] = await rowsOf(mysql, sql.raw<Page>(`SELECT ${sums} FROM (${rows}) page`));
    if (found === undefined || found.last === null) return;
    const isYoung = Number(found.old) === 0;
    if (isYoung && found.dated > 0) return;
    const drop = sql.raw(`DELETE FROM ${table} WHERE id > ${after} AND id <= ${found.last} AND ${isOld}`);
    yield { table, rows: isYoung ? 0 : await affected(mysql, drop) };
    after = found.last;
  }
}
