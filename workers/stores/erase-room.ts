/**
 * A room's lines, its outbox rows, what bots say there by rules and schedules, its registration, and its id in what the
 * audit says of all that. It is told to the pods as pending: spoken in again it is a room that nobody knows.
 */
import { type RawBuilder, sql } from "kysely";
import type { Mysql } from "#common/backends/mysql/mysql.ts";
import type { ApprovalChanges } from "#common/ports/approvals.ts";
import type { DeletedBatch } from "#workers/domain/stores.ts";
import { affected, rowsOf } from "./run-sql.ts";
import type { Schema } from "./schema.ts";

const BATCH_ROWS = 500;

const OF_ROOMS = [
  ["kb_chat_logs", "channel_id"],
  ["moa_auto_replies", "channel"],
  ["kb_schedule_logs", "target_room_id"],
  ["kb_schedule", "target_room_id"],
] as const;

interface RoomTools {
  readonly mysql: Mysql<Schema>;
  readonly approvalChanges: Pick<ApprovalChanges, "announce">;
}

export async function* roomRows(room: string, { mysql, approvalChanges }: RoomTools): AsyncGenerator<DeletedBatch> {
  const isIt = (column: string) =>
    sql`${sql.ref(column)} = ${room} AND CAST(${sql.ref(column)} AS BINARY) = CAST(${room} AS BINARY)`;
  // Schedules before outbox rows: they make such.
  for (const [table, column] of OF_ROOMS) {
    const some = sql`DELETE FROM ${sql.table(table)} WHERE ${isIt(column)} LIMIT ${sql.lit(BATCH_ROWS)}`;
    for (let rows = BATCH_ROWS; rows === BATCH_ROWS; ) {
      rows = await affected(mysql, some);
      yield { table, rows };
    }
  }
  await approvalChanges.announce({ kind: "auto-replies" });
  yield* outboxRows(room, mysql);
  yield* auditRows(room, mysql);
  const known = await rowsOf(
    mysql,
    sql<{
      bot: string;
      device: string;
    }>`SELECT bot_name AS bot, device_id AS device FROM kb_rooms WHERE ${isIt("room_id")}`,
  );
  // Told first: what is gone nobody would tell of any more.
  for (const key of known) await approvalChanges.announce({ kind: "room", ...key, channel: room, status: "pending" });
  yield { table: "kb_rooms", rows: await affected(mysql, sql`DELETE FROM kb_rooms WHERE ${isIt("room_id")}`) };
}

/** An action is JSON, in which quotes inside a text are escaped: this is found where it is the action's own channel only. */
async function* outboxRows(room: string, mysql: Mysql<Schema>): AsyncGenerator<DeletedBatch> {
  const channel = `"channel":${JSON.stringify(room)}`;
  let after = "";
  for (;;) {
    const page = await rowsOf(
      mysql,
      sql<{ id: string; isMeant: number }>`SELECT action_id AS id, LOCATE(${channel}, action) > 0 AS isMeant
        FROM moa_outbox WHERE action_id > ${after} ORDER BY action_id LIMIT ${sql.lit(BATCH_ROWS)}`,
    );
    const ids = page.filter(({ isMeant }) => isMeant === 1).map(({ id }) => id);
    const drop: RawBuilder<unknown> = sql`DELETE FROM moa_outbox WHERE action_id IN (${sql.join(ids)})`;
    yield { table: "moa_outbox", rows: ids.length === 0 ? 0 : await affected(mysql, drop) };
    if (page.length < BATCH_ROWS) return;
    after = page.at(-1)?.id ?? "";
  }
}

/** What was done stays on record, and by whom; to which room does not. */
async function* auditRows(room: string, mysql: Mysql<Schema>): AsyncGenerator<DeletedBatch> {
  const named = ` ${room} `;
  const update = sql`UPDATE moa_audit SET subject = REPLACE(subject, ${named}, ' erased ')
    WHERE (action LIKE 'room.%' OR action LIKE 'replies.%') AND LOCATE(${named}, subject) > 0 LIMIT ${sql.lit(BATCH_ROWS)}`;
  for (let rows = BATCH_ROWS; rows === BATCH_ROWS; ) {
    rows = await affected(mysql, update);
    yield { table: "moa_audit", rows };
  }
}
