/** The MySQL outbox after its rows were inserted: open until their receipt, then kept for a while to look up. */
import { sql } from "kysely";
import type { Mysql } from "#common/backends/mysql/mysql.ts";
import type { OpenOutboxRow, OutboxRows } from "#workers/domain/stores.ts";
import type { Schema } from "./schema.ts";

/** Rows closed as expired by one call. */
const EXPIRE_MAX = 1_000;

export class MysqlOutboxRows implements OutboxRows {
  readonly #mysql: Mysql<Schema>;

  constructor(mysql: Mysql<Schema>) {
    this.#mysql = mysql;
  }

  /** The last word counts, except that nothing unsays `confirmed`: receipts of a re-run may come late. */
  async close(actionId: string, state: string): Promise<void> {
    const { db } = this.#mysql;
    const closed = { state, closed_at: sql<Date>`CURRENT_TIMESTAMP(3)` };
    await this.#mysql.run(() =>
      db
        .updateTable("moa_outbox")
        .set(closed)
        .where("action_id", "=", actionId)
        .where("state", "<>", "confirmed")
        .execute(),
    );
  }

  async open(
    createdBeforeMs: number,
    limit: number,
    after: OpenOutboxRow | null = null,
  ): Promise<readonly OpenOutboxRow[]> {
    const { db } = this.#mysql;
    const query = db
      .selectFrom("moa_outbox")
      .select(["action_id", "event", "lane", "bot", "deadline", "action", "created_at"])
      .where("state", "=", "open")
      .where("created_at", "<", new Date(createdBeforeMs))
      .orderBy("created_at")
      .orderBy("event")
      .orderBy("ordinal")
      .limit(limit);
    const beyond =
      after === null
        ? query
        : query.where((is) =>
            is.or([
              is("created_at", ">", new Date(after.createdAtMs)),
              is.and([is("created_at", "=", new Date(after.createdAtMs)), is("event", ">", after.event)]),
            ]),
          );
    const rows = await this.#mysql.run(() => beyond.execute());
    return rows.map((row) => ({
      id: row.action_id,
      event: row.event,
      lane: row.lane,
      bot: row.bot,
      deadline: row.deadline.getTime(),
      action: row.action,
      createdAtMs: row.created_at.getTime(),
    }));
  }

  async expire(deadlineBeforeMs: number): Promise<number> {
    const { db } = this.#mysql;
    const result = await this.#mysql.run(() =>
      db
        .updateTable("moa_outbox")
        .set({ state: "expired", closed_at: sql<Date>`CURRENT_TIMESTAMP(3)` })
        .where("state", "=", "open")
        .where("deadline", "<", new Date(deadlineBeforeMs))
        .limit(EXPIRE_MAX)
        .executeTakeFirst(),
    );
    return Number(result.numUpdatedRows);
  }

  async summary(): Promise<{ readonly open: number; readonly oldestCreatedAtMs: number | null }> {
    const { db } = this.#mysql;
    const row = await this.#mysql.run(() =>
      db
        .selectFrom("moa_outbox")
        .select(({ fn }) => [fn.countAll<number>().as("open"), fn.min("created_at").as("oldest")])
        .where("state", "=", "open")
        .executeTakeFirstOrThrow(),
    );
    return { open: Number(row.open), oldestCreatedAtMs: row.oldest?.getTime() ?? null };
  }
}
