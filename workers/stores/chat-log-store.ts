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
import { CHAT_LOG_INSERT, chatLogTuples, INSERT_CHARS_MAX } from "./chat-log-sql.ts";
import type { Schema } from "./schema.ts";

/** Lane that was never copied. */
const START = "0-0";

export interface ChatLogStoreOptions {
  /** A text-only one. */
  readonly mysql: Mysql<Schema>;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** A line of a batch. */
interface Place {
  readonly batch: RowBatch;
  readonly index: number;
}

/** A row as SQL, and where it came from for the log. */
interface Tuple extends Place {
  readonly sql: string;
}

/** A row that can never be written must not hold up those behind it. */
interface Refused extends Place {
  readonly why: unknown;
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
    const { mysql, log, metrics } = this.#options;
    try {
      const { written, refused } = await mysql.run(() =>
        mysql.db.transaction().execute(async (tx) => {
          await movePositions(tx, batches);
          const refused: Refused[] = [];
          let written = 0;
          for (const tuples of statementsOf(batches, refused)) {
            const before = refused.length;
            await insertOrHalve(tx, tuples, refused);
            written += tuples.length - (refused.length - before);
          }
          return { written, refused };
        }),
      );
      metrics.rowsWritten.inc(written);
      metrics.rowsRefused.inc(refused.length);
      for (const { batch, index, why } of refused) {
        const { lane, from, to } = batch;
        log.error(
          { tag: "DB", lane, from, to, index, err: why },
          "chat-log row unreadable or refused for good, left out",
        );
      }
    } catch (error) {
      if (hasCode(error, "fenced")) return "moved";
      throw error;
    }
    return "written";
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
function* statementsOf(batches: readonly RowBatch[], refused: Refused[]): Generator<readonly Tuple[]> {
  let tuples: Tuple[] = [];
  let chars = 0;
  for (const batch of batches) {
    for (let index = 0; index < batch.rows.length; index++) {
      for (const sql of tuplesAt({ batch, index }, refused)) {
        if (tuples.length === limits.rowsPerInsertMax || (tuples.length > 0 && chars + sql.length > INSERT_CHARS_MAX)) {
          yield tuples;
          tuples = [];
          chars = 0;
        }
        tuples.push({ sql, batch, index });
        chars += sql.length;
      }
    }
  }
  if (tuples.length > 0) yield tuples;
}

function tuplesAt({ batch, index }: Place, refused: Refused[]): readonly string[] {
  try {
    return chatLogTuples(batch.rows[index] as string);
  } catch (why) {
    refused.push({ batch, index, why });
    return [];
  }
}

/** A refused statement leaves the transaction alive (InnoDB undoes the statement alone): its halves are tried. */
async function insertOrHalve(tx: Transaction<Schema>, tuples: readonly Tuple[], refused: Refused[]): Promise<void> {
  try {
    await affected(tx, CHAT_LOG_INSERT + tuples.map(({ sql }) => sql).join(","));
  } catch (why) {
    if (!refusesValues(why)) throw why;
    const [first] = tuples;
    if (first !== undefined && tuples.length === 1) {
      refused.push({ ...first, why });
      return;
    }
    const middle = tuples.length >> 1;
    await insertOrHalve(tx, tuples.slice(0, middle), refused);
    await insertOrHalve(tx, tuples.slice(middle), refused);
  }
}

async function affected(tx: Transaction<Schema>, statement: string): Promise<number> {
  const result = await tx.executeQuery(CompiledQuery.raw(statement));
  return Number(result.numAffectedRows ?? 0n);
}
