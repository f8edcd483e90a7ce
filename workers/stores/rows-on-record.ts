/**
 * Of rows that may be on record already, because a Redis that lost what it acknowledged was given their lines again, those
 * that are not. Within the transaction that moved the lanes' positions: nobody else writes rows of these lanes meanwhile.
 *
 * A line is known by its room, sender, second, bot, log id and text. kb_chat_logs has no id of ours, so equal lines of one
 * second without log ids are told apart by their number only: of n given, as many are left out as are on record.
 * Answers go with the line before them: both were written in one transaction.
 */
import { CompiledQuery, type Transaction } from "kysely";
import { decodeRows } from "#workers/domain/chat-log-row.ts";
import type { ChatLogRow, RowBatch } from "#workers/domain/stores.ts";
import { CHAT_LOG_MARK, chatLogMark, chatLogPlace } from "./chat-log-sql.ts";
import type { Schema } from "./schema.ts";

interface Line {
  readonly batch: RowBatch;
  readonly index: number;
  readonly tuples: readonly string[];
  readonly saidAtMs: number;
}

export class RowsOnRecord {
  readonly #tx: Transaction<Schema>;
  readonly #sureFromMs: number;
  /** By place, each looked up once: how many of each mark were there and have not been given again. */
  readonly #there = new Map<string, Map<string, number>>();
  #known = 0;

  /** @param sureFromMs lines said from then on are new for certain, and cost no look */
  constructor(tx: Transaction<Schema>, sureFromMs: number) {
    this.#tx = tx;
    this.#sureFromMs = sureFromMs;
  }

  /** Rows left out so far. */
  get known(): number {
    return this.#known;
  }

  /** Those to be written now. All lines of the transaction are asked for once, in order, some at a time. */
  async fresh(lines: readonly Line[]): Promise<readonly Line[]> {
    const doubtful = new Map<Line, ChatLogRow>();
    for (const line of lines) if (line.saidAtMs < this.#sureFromMs) doubtful.set(line, rowOf(line));
    if (doubtful.size === 0) return lines;
    await this.#look(new Set([...doubtful.values()].map(chatLogPlace)));
    return lines.filter((line) => {
      const row = doubtful.get(line);
      if (row === undefined || !this.#wasThere(row)) return true;
      this.#known += line.tuples.length;
      return false;
    });
  }

  #wasThere(row: ChatLogRow): boolean {
    const marks = this.#there.get(chatLogPlace(row));
    if (marks === undefined || marks.size === 0) return false;
    const mark = chatLogMark(row);
    const count = marks.get(mark) ?? 0;
    if (count > 0) marks.set(mark, count - 1);
    return count > 0;
  }

  async #look(places: ReadonlySet<string>): Promise<void> {
    const unknown = [...places].filter((place) => !this.#there.has(place));
    if (unknown.length === 0) return;
    const looks = unknown.map(
      (where, i) => `SELECT ${i} AS place,${CHAT_LOG_MARK} AS mark FROM kb_chat_logs WHERE ${where}`,
    );
    const query = CompiledQuery.raw(looks.join(" UNION ALL "));
    const { rows } = await this.#tx.executeQuery<{ readonly place: number; readonly mark: string }>(query);
    for (const place of unknown) this.#there.set(place, new Map());
    for (const { place, mark } of rows) {
      const marks = this.#there.get(unknown[Number(place)] as string) as Map<string, number>;
      marks.set(mark, (marks.get(mark) ?? 0) + 1);
    }
  }
}

/** Its own, without its answers. */
export function rowOf({ batch, index }: Pick<Line, "batch" | "index">): ChatLogRow {
  return decodeRows(batch.rows[index] as string)[0] as ChatLogRow;
}
