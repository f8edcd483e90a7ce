/**
 * Chat-log rows into MySQL, each exactly once: the rows and the positions up to which they are written move in one
 * transaction. Whoever comes second finds another position and writes nothing, so that neither a crash nor a second
 * row writer doubles a row.
 *
 *   BEGIN -> positions: compare and set, all lanes in one statement -> rows, up to 500 a statement -> COMMIT
 *
 * Rooms that want no chat log are left out (quiet-rooms.ts). After a Redis loss the same line may come again under a new
 * id; those are looked up first (rows-on-record.ts).
 */
import { CompiledQuery, sql, type Transaction } from "kysely";
import { escape as quoted } from "mysql2";
import type { Mysql } from "#common/backends/mysql/mysql.ts";
import type { Lane } from "#common/contract/ids.ts";
import { limits } from "#common/contract/limits.ts";
import type { Clock } from "#common/kernel/clock.ts";
import { hasCode, MoaError } from "#common/kernel/errors.ts";
import type { Log } from "#common/observe/logger.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import type { ChatLogStore, RowBatch } from "#workers/domain/stores.ts";
import { CHAT_LOG_INSERT, chatLogTuples, INSERT_CHARS_MAX } from "./chat-log-sql.ts";
import { QuietRooms } from "./quiet-rooms.ts";
import { RowsOnRecord } from "./rows-on-record.ts";
import type { Schema } from "./schema.ts";

/** Lane that was never copied. */
const START = "0-0";

export interface ChatLogStoreOptions {
  /** A text-only one. */
  readonly mysql: Mysql<Schema>;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** A line of a batch. */
interface Place {
  readonly batch: RowBatch;
  readonly index: number;
}

/** Its rows as SQL. */
interface Line extends Place {
  readonly tuples: readonly string[];
  readonly saidAtMs: number;
}

/** A row that can never be written must not hold up those behind it. */
interface Refused extends Place {
  readonly why: unknown;
}

export class MysqlChatLogStore implements ChatLogStore {
  readonly #options: ChatLogStoreOptions;
  readonly #quiet: QuietRooms;

  constructor(options: ChatLogStoreOptions) {
    this.#options = options;
    this.#quiet = new QuietRooms(options.mysql, options.clock);
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

  async append(batches: readonly RowBatch[], sureFromMs: number): Promise<"written" | "moved"> {
    const { mysql, log, metrics } = this.#options;
    try {
      await this.#quiet.look();
      const { written, known, refused } = await mysql.run(() =>
        mysql.db.transaction().execute(async (tx) => {
          await movePositions(tx, batches);
          const record = new RowsOnRecord(tx, sureFromMs);
          const refused: Refused[] = [];
          let written = 0;
          for (const lines of linesOf(batches, refused))
            written += await insert(tx, await record.fresh(await this.#quiet.without(tx, lines)), refused);
          return { written, known: record.known, refused };
        }),
      );
      metrics.rowsWritten.inc(written);
      metrics.rowsRefused.inc(refused.length);
      if (known > 0) metrics.duplicatesSuppressed.inc(known, { layer: "rows" });
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

/** Those of a statement at a time, made as they are sent: a whole transaction of them would fill the young generation. */
function* linesOf(batches: readonly RowBatch[], refused: Refused[]): Generator<readonly Line[]> {
  let lines: Line[] = [];
  let rows = 0;
  let chars = 0;
  for (const batch of batches) {
    for (let index = 0; index < batch.rows.length; index++) {
      const line = lineAt({ batch, index }, refused);
      if (line === null) continue;
      const more = line.tuples.reduce((sum, sql) => sum + sql.length, 0);
      if (rows > 0 && (rows + line.tuples.length > limits.rowsPerInsertMax || chars + more > INSERT_CHARS_MAX)) {
        yield lines;
        lines = [];
        rows = 0;
        chars = 0;
      }
      lines.push(line);
      rows += line.tuples.length;
      chars += more;
    }
  }
  if (lines.length > 0) yield lines;
}

function lineAt({ batch, index }: Place, refused: Refused[]): Line | null {
  try {
    const { tuples, saidAtMs } = chatLogTuples(batch.rows[index] as string);
    return { batch, index, tuples, saidAtMs };
  } catch (why) {
    refused.push({ batch, index, why });
    return null;
  }
}

/**
 * How many rows were written. A refused statement leaves the transaction alive (InnoDB undoes the statement alone): its
 * halves are tried, down to the row.
 */
async function insert(tx: Transaction<Schema>, lines: readonly Line[], refused: Refused[]): Promise<number> {
  const tuples = lines.flatMap((line) => line.tuples);
  if (tuples.length === 0) return 0;
  try {
    await affected(tx, CHAT_LOG_INSERT + tuples.join(","));
    return tuples.length;
  } catch (why) {
    if (!hasCode(why, "mysql_refused")) throw why;
    const [line] = lines as [Line];
    if (tuples.length === 1) {
      refused.push({ ...line, why });
      return 0;
    }
    const [left, right] =
      lines.length > 1 ? halvesOf(lines) : halvesOf(line.tuples).map((half) => [{ ...line, tuples: half }]);
    return (await insert(tx, left as readonly Line[], refused)) + (await insert(tx, right as readonly Line[], refused));
  }
}

function halvesOf<Item>(items: readonly Item[]): readonly [readonly Item[], readonly Item[]] {
  const middle = items.length >> 1;
  return [items.slice(0, middle), items.slice(middle)];
}

async function affected(tx: Transaction<Schema>, statement: string): Promise<number> {
  const result = await tx.executeQuery(CompiledQuery.raw(statement));
  return Number(result.numAffectedRows ?? 0n);
}
