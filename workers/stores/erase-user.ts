/**
 * A user's lines, the answers to them, and the outbox rows of those answers. No index begins with user_hash, and one more
 * would cost every insert: the chat log is walked by id, a page at a time.
 *
 * Our answers are rows of the bot and name no user, but may repeat him: what we said in a room between his line and the
 * room's next one is taken for the answer, and what stands under his own hash (pipeline/rows.ts). Outbox rows are found by the event id, which the line's log id gives; those of
 * lines without one stay for the week that closed outbox rows are kept.
 */
import { sql } from "kysely";
import type { Mysql } from "#common/backends/mysql/mysql.ts";
import { eventIdOfLog } from "#common/contract/ids.ts";
import type { DeletedBatch } from "#workers/domain/stores.ts";
import { affected, rowsOf } from "./run-sql.ts";
import type { Schema } from "./schema.ts";

const PAGE_IDS = 10_000;
const BATCH_ROWS = 500;
/**
 * A line and its answers are of one transaction of the row writer, or of two that follow each other. A number of its own:
 * what is on record was written under larger limits, too.
 */
const ANSWERS_WITHIN_IDS = 4_000;

interface Line {
  readonly id: number;
  readonly bot: string;
  readonly channel: string;
  readonly logId: string | null;
  readonly isHis: number;
  readonly isOurs: number;
  readonly isScheduled: number;
}

export async function* userRows(user: string, mysql: Mysql<Schema>): AsyncGenerator<DeletedBatch> {
  const [ends] = await rowsOf(mysql, sql<{ last: number | null }>`SELECT MAX(id) AS last FROM kb_chat_logs`);
  for (let after = 0; after < (ends?.last ?? 0); after += PAGE_IDS) {
    const found = withAnswers(await linesOf(user, after, mysql), user, after + PAGE_IDS);
    for (const events of chunks(eventsOf(found))) {
      yield { table: "moa_outbox", rows: await dropActions(events, mysql) };
    }
    // The newest first: broken off, a line is still there when its answers are gone, and not the other way round.
    for (const ids of chunks(found.map(({ id }) => id).reverse())) {
      const drop = sql`DELETE FROM kb_chat_logs WHERE id IN (${sql.join(ids)})`;
      yield { table: "kb_chat_logs", rows: await affected(mysql, drop) };
    }
  }
}

/** All lines of the rooms in which he spoke on this page, and a little beyond. His hash is compared byte by byte. */
async function linesOf(user: string, after: number, mysql: Mysql<Schema>): Promise<readonly Line[]> {
  const isHis = sql<number>`(user_hash = ${user} AND CAST(user_hash AS BINARY) = CAST(${user} AS BINARY))`;
  const rooms = await rowsOf(
    mysql,
    sql<{ channel: string }>`SELECT DISTINCT channel_id AS channel FROM kb_chat_logs
      WHERE id > ${after} AND id <= ${after + PAGE_IDS} AND ${isHis}`,
  );
  if (rooms.length === 0) return [];
  return rowsOf(
    mysql,
    sql<Line>`SELECT id, bot_name AS bot, channel_id AS channel, log_id AS logId, ${isHis} AS isHis,
        is_our_bot_response AS isOurs, is_scheduled AS isScheduled FROM kb_chat_logs
      WHERE id > ${after} AND id <= ${after + PAGE_IDS + ANSWERS_WITHIN_IDS}
        AND channel_id IN (${sql.join(rooms.map(({ channel }) => channel))}) ORDER BY id`,
  );
}

/**
 * Lines beyond the last id are the next page's; answers beyond it are not. An answer under his hash, where he is not called
 * like the bot, is to a line of his that was run again, wherever it stands.
 */
function withAnswers(lines: readonly Line[], user: string, last: number): readonly Line[] {
  const lastIsHis = new Map<string, boolean>();
  return lines.filter(({ id, bot, channel, isHis, isOurs, isScheduled }) => {
    const room = `${bot}\0${channel}`;
    if (isOurs === 1) return isScheduled !== 1 && (lastIsHis.get(room) === true || (isHis === 1 && bot !== user));
    lastIsHis.set(room, isHis === 1 && id <= last);
    return isHis === 1 && id <= last;
  });
}

function eventsOf(lines: readonly Line[]): readonly string[] {
  return lines.flatMap(({ bot, channel, logId, isHis }) =>
    isHis === 1 && logId !== null ? [eventIdOfLog(bot, channel, logId)] : [],
  );
}

/** Action ids begin with the event's. */
function dropActions(events: readonly string[], mysql: Mysql<Schema>): Promise<number> {
  const ids = events.map((event) => sql`action_id LIKE ${`${event}:%`}`);
  return affected(mysql, sql`DELETE FROM moa_outbox WHERE ${sql.join(ids, sql` OR `)}`);
}

function chunks<T>(all: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(all.length / BATCH_ROWS) }, (_, i) =>
    all.slice(i * BATCH_ROWS, (i + 1) * BATCH_ROWS),
  );
}
