/**
 * Chat-log rows into MySQL, each exactly once: the rows and the positions up to which they are written move in one
 * transaction. Whoever comes second finds another position and writes nothing, so that neither a crash nor a second
 * row writer doubles a row.
 *
 *   BEGIN -> positions: compare and set, all lanes in one statement -> rows, up to 500 a statement -> COMMIT
 */
import { CompiledQuery, sql, type Transaction } from "kysely";
import { escape as quoted } from "mysql2";
import { refusesValues } from "#common/backends/mysql/driver-fault.ts";
import type { Mysql } from "#common/backends/mysql/mysql.ts";
import type { Lane } from "#common/contract/ids.ts";
import { limits } from "#common/contract/limits.ts";
import { hasCode, MoaError } from "#common/kernel/errors.ts";
import type { Log } from "#common/observe/logger.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import type { ChatLogStore, RowBatch } from "#workers/domain/stores.ts";
import { CHAT_LOG_INSERT, chatLogTuple, INSERT_CHARS_MAX } from "./chat-log-sql.ts";
import type { Schema } from "./schema.ts";

/** Lane that was never copied. */
const START = "0-0";

export interface ChatLogStoreOptions {
  /** A text-only one. */
  readonly mysql: Mysql<Schema>;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** A row as SQL, and where it came from for the log. */
interface Tuple {
  readonly sql: string;
  readonly batch: RowBatch;
  readonly index: number;
}

export class MysqlChatLogStore implements ChatLogStore {
  readonly #options: ChatLogStoreOptions;

  constructor(options: ChatLogStoreOptions) {
    this.#options = options;
  }

  async positions(lanes: readonly Lane[]): Promise<ReadonlyMap<Lane, string>> {
    const { mysql } = this.#options;
    if (lanes.length === 0) return new Map();
    const found = await mysql.run(() =>
      sql
        .raw<{ lane: Lane; position: string }>(
          `SELECT lane, position FROM moa_lane_position WHERE lane IN (${lanes.join(",")})`,
        )
        .execute(mysql.db),
    );
    const known = new Map(found.rows.map((row) => [row.lane, row.position]));
    return new Map(lanes.map((lane) => [lane, known.get(lane) ?? START]));
  }

  async append(batches: readonly RowBatch[]): Promise<"written" | "moved"> {
    const { mysql } = this.#options;
    let total = 0;
    const refused: Tuple[] = [];
    try {
      await mysql.run(() =>
        mysql.db.transaction().execute(async (tx) => {
          await movePositions(tx, batches);
          for (const tuples of statementsOf(batches)) {
            total += tuples.length;
            refused.push(...(await insertOrHalve(tx, tuples)));
          }
        }),
      );
      this.#report(refused, total);
    } catch (error) {
      if (hasCode(error, "fenced")) return "moved";
      throw error;
    }
    return "written";
  }

  #report(refused: readonly Tuple[], total: number): void {
    const { log, metrics } = this.#options;
    metrics.rowsWritten.inc(total - refused.length);
    metrics.rowsRefused.inc(refused.length);
    for (const { batch, index } of refused) {
      const { lane, from, to } = batch;
      log.error({ tag: "DB", lane, from, to, index }, "chat-log row refused by MySQL for good, left out");
    }
  }
}

/** @throws MoaError fenced when one of the positions is not `from` any more */
async function movePositions(tx: Transaction<Schema>, batches: readonly RowBatch[]): Promise<void> {
  const cases = batches.map(({ lane, to }) => `WHEN ${lane} THEN ${quoted(to)}`).join(" ");
  const where = batches.map(({ lane, from }) => `lane = ${lane} AND position = ${quoted(from)}`).join(" OR ");
  const update = `UPDATE moa_lane_position SET position = CASE lane ${cases} END, updated_at = CURRENT_TIMESTAMP(3) WHERE ${where}`;
  let moved = await affected(tx, update);
  const fresh = batches.filter((batch) => batch.from === START).map((batch) => `(${batch.lane}, '${START}')`);
  if (moved < batches.length && fresh.length > 0) {
    // A lane's first rows: it has no position yet. Of two that insert it, the second finds the first one's.
    await affected(tx, `INSERT IGNORE INTO moa_lane_position (lane, position) VALUES ${fresh.join(",")}`);
    moved += await affected(tx, update);
  }
  if (moved < batches.length) throw new MoaError("fenced", "another row writer moved a position");
}

/** Statements are made one by one as they are sent: a whole transaction of them would fill the young generation. */
function* statementsOf(batches: readonly RowBatch[]): Generator<readonly Tuple[]> {
  let tuples: Tuple[] = [];
  let chars = 0;
  for (const batch of batches) {
    let index = 0;
    for (const row of batch.rows) {
      const sql = chatLogTuple(row);
      if (tuples.length === limits.rowsPerInsertMax || (tuples.length > 0 && chars + sql.length > INSERT_CHARS_MAX)) {
        yield tuples;
        tuples = [];
        chars = 0;
      }
      tuples.push({ sql, batch, index: index++ });
      chars += sql.length;
    }
  }
  if (tuples.length > 0) yield tuples;
}

/** A refused statement leaves the transaction alive (InnoDB undoes the statement alone): its halves are tried. */
async function insertOrHalve(tx: Transaction<Schema>, tuples: readonly Tuple[]): Promise<readonly Tuple[]> {
  try {
    await affected(tx, CHAT_LOG_INSERT + tuples.map((tuple) => tuple.sql).join(","));
    return [];
  } catch (error) {
    if (!refusesValues(error)) throw error;
    if (tuples.length === 1) return tuples;
  }
  const middle = tuples.length >> 1;
  const first = await insertOrHalve(tx, tuples.slice(0, middle));
  return [...first, ...(await insertOrHalve(tx, tuples.slice(middle)))];
}

async function affected(tx: Transaction<Schema>, statement: string): Promise<number> {
  const result = await tx.executeQuery(CompiledQuery.raw(statement));
  return Number(result.numAffectedRows ?? 0n);
}
