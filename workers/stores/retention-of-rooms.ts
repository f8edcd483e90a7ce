/**
 * Lines of rooms that have days of their own, `retention_days` in their `log_settings`: how long the original kept them,
 * by the room and bot. The fewest days of a bot's devices count; no number, or none above 0, is no wish.
 *
 *   rooms with days, a page after another ──> old lines of the page's rooms, a batch after another, until there are none
 *
 * The lines are looked for first and then dropped by their ids: a DELETE by room and time would lock what it passes over,
 * up to the room's newest line.
 */
import { sql } from "kysely";
import type { Mysql } from "#common/backends/mysql/mysql.ts";
import type { DeletedBatch } from "#workers/domain/stores.ts";
import { affected, rowsOf } from "./run-sql.ts";
import type { Schema } from "./schema.ts";

const PAGE_ROOMS = 200;
const BATCH_ROWS = 1_000;
/** MySQL knows no date that is longer ago than the year 1000: more days would be none. */
const DAYS_MAX = 36_500;

interface Room {
  readonly channel: string;
  readonly bot: string;
  readonly days: number;
}

/** Batch after batch. @throws MoaError mysql_unavailable */
export async function* outdatedOfRooms(mysql: Mysql<Schema>): AsyncGenerator<DeletedBatch<"kb_chat_logs">> {
  for (let page = await roomsAfter(null, mysql); page.length > 0; page = await roomsAfter(page.at(-1) as Room, mysql)) {
    for (let rows = BATCH_ROWS; rows === BATCH_ROWS; ) {
      const ids = await outdatedIds(page, mysql);
      const drop = sql`DELETE FROM kb_chat_logs WHERE id IN (${sql.join(ids)})`;
      rows = ids.length === 0 ? 0 : await affected(mysql, drop);
      yield { table: "kb_chat_logs", rows };
    }
  }
}

/** In the order of their primary key. */
function roomsAfter(last: Room | null, mysql: Mysql<Schema>): Promise<readonly Room[]> {
  const days = sql`CAST(JSON_VALUE(log_settings, '$.retention_days') AS SIGNED)`;
  // Not as a pair: that is no range of the key to the server.
  const beyond =
    last === null
      ? sql`TRUE`
      : sql`room_id >= ${last.channel} AND (room_id > ${last.channel} OR bot_name > ${last.bot})`;
  return rowsOf(
    mysql,
    sql<Room>`SELECT room_id AS channel, bot_name AS bot, LEAST(MIN(IF(${days} > 0, ${days}, NULL)), ${sql.lit(DAYS_MAX)}) AS days
      FROM kb_rooms WHERE log_settings IS NOT NULL AND ${beyond}
      GROUP BY room_id, bot_name HAVING days IS NOT NULL ORDER BY room_id, bot_name LIMIT ${sql.lit(PAGE_ROOMS)}`,
  );
}

/** The session's clock is UTC, that of the original's tables Korea's. Names are compared byte by byte. */
async function outdatedIds(rooms: readonly Room[], mysql: Mysql<Schema>): Promise<readonly number[]> {
  const looks = rooms.map(
    ({ channel, bot, days }) => sql`(SELECT id FROM kb_chat_logs
      WHERE channel_id = ${channel} AND CAST(channel_id AS BINARY) = CAST(${channel} AS BINARY)
        AND CAST(bot_name AS BINARY) = CAST(${bot} AS BINARY)
        AND server_timestamp < CURRENT_TIMESTAMP(3) + INTERVAL 9 HOUR - INTERVAL ${sql.lit(Number(days))} DAY
      LIMIT ${sql.lit(BATCH_ROWS)})`,
  );
  const found = await rowsOf(
    mysql,
    sql<{ id: number }>`${sql.join(looks, sql` UNION ALL `)} LIMIT ${sql.lit(BATCH_ROWS)}`,
  );
  return found.map(({ id }) => id);
}
