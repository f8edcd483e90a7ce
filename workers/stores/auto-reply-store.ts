/** Rules of automatic replies in moa_auto_replies. A change and its audit row are one transaction. */
import { type RawBuilder, sql } from "kysely";
import type { Mysql } from "#common/backends/mysql/mysql.ts";
import { limits } from "#common/contract/limits.ts";
import type { Actor } from "#common/ports/administration.ts";
import type { AutoReplyRow, AutoReplyStore } from "#workers/auto-replies.ts";
import { rowsOf } from "./run-sql.ts";
import type { Schema } from "./schema.ts";

const COLUMNS = sql.raw("id, bot, channel, place, pattern, reply, command");

export class MysqlAutoReplyStore implements AutoReplyStore {
  readonly #mysql: Mysql<Schema>;

  constructor(mysql: Mysql<Schema>) {
    this.#mysql = mysql;
  }

  page(afterId: number, limit: number): Promise<readonly AutoReplyRow[]> {
    return this.#select(sql`WHERE id > ${afterId} ORDER BY id LIMIT ${sql.lit(limit)}`);
  }

  list(bot: string | null, limit: number): Promise<readonly AutoReplyRow[]> {
    const ofBot = bot === null ? sql`TRUE` : sql`bot = ${bot}`;
    return this.#select(sql`WHERE ${ofBot} ORDER BY bot, channel, place, id LIMIT ${sql.lit(limit)}`);
  }

  add(rule: Omit<AutoReplyRow, "id">, by: Actor): Promise<number | null> {
    const { bot, channel, place, pattern, reply, command } = rule;
    return this.#changing(async (run) => {
      const { rows } = await run(
        sql`SELECT id FROM moa_auto_replies WHERE bot = ${bot} AND channel = ${channel} FOR UPDATE`,
      );
      if (rows.length >= limits.autoRepliesPerRoomMax) return null;
      const made = await run(sql`INSERT INTO moa_auto_replies (bot, channel, place, pattern, reply, command)
        VALUES (${bot}, ${channel}, ${place}, ${pattern}, ${reply}, ${command})`);
      const id = Number(made.insertId);
      await run(audited("replies.add", { ...rule, id }, by));
      return id;
    });
  }

  remove(id: number, by: Actor): Promise<AutoReplyRow | null> {
    return this.#changing(async (run) => {
      const { rows } = await run(
        sql<AutoReplyRow>`SELECT ${COLUMNS} FROM moa_auto_replies WHERE id = ${id} FOR UPDATE`,
      );
      const row = rows[0] as AutoReplyRow | undefined;
      if (row === undefined) return null;
      await run(sql`DELETE FROM moa_auto_replies WHERE id = ${id}`);
      await run(audited("replies.remove", row, by));
      return row;
    });
  }

  #select(which: RawBuilder<unknown>): Promise<readonly AutoReplyRow[]> {
    return rowsOf(this.#mysql, sql<AutoReplyRow>`SELECT ${COLUMNS} FROM moa_auto_replies ${which}`);
  }

  #changing<T>(work: (run: (statement: RawBuilder<unknown>) => Promise<Ran>) => Promise<T>): Promise<T> {
    const { db } = this.#mysql;
    return this.#mysql.run(() => db.transaction().execute((tx) => work((statement) => statement.execute(tx))));
  }
}

type Ran = Awaited<ReturnType<RawBuilder<unknown>["execute"]>>;

function audited(
  action: string,
  { bot, channel, id, pattern }: AutoReplyRow,
  { who, from }: Actor,
): RawBuilder<unknown> {
  const [before, after] = action === "replies.add" ? ["", pattern] : [pattern, ""];
  return sql`INSERT INTO moa_audit (who, from_address, action, subject, \`before\`, \`after\`)
    VALUES (${who}, ${from}, ${action}, ${`${bot} ${channel} ${id}`}, ${before}, ${after})`;
}
