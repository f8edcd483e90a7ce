/**
 * Schedules and their sendings in kb_schedule and kb_schedule_logs, which the original's admin pages share.
 *
 *   BEGIN -> kb_schedule: its next time, compare and set -> outbox rows, open -> chat-log rows -> its log -> COMMIT
 *
 * Whoever comes second finds another next time and does nothing, so that neither a crash nor a second pod sends, or puts on
 * record, one time twice. Names are compared again here, byte by byte: MySQL takes "Bot" and "bot" for one.
 */
import { type RawBuilder, sql, type Transaction } from "kysely";
import type { Mysql } from "#common/backends/mysql/mysql.ts";
import type {
  DueSchedule,
  KnownSchedule,
  KnownSchedules,
  KnownSending,
  Schedule,
  ScheduleStore,
  Sending,
  SendingOutcome,
} from "#workers/domain/stores.ts";
import { CHAT_LOG_INSERT, chatLogTuple } from "./chat-log-sql.ts";
import { rowsOf } from "./run-sql.ts";
import { settledSendings } from "./schedule-outcomes.ts";
import { instantOf, SCHEDULE_COLUMNS, type ScheduleRow, scheduleOf, wallOf } from "./schedule-row.ts";
import type { Schema } from "./schema.ts";
import { insertOutbox } from "./turn-store.ts";

const KNOWN = sql.raw(`id, title, target_bot_name AS bot, target_room_id AS channel, schedule_type AS kind, status,
  CAST(next_send_at AS CHAR) AS next, CAST(last_sent_at AS CHAR) AS last, send_count AS sent`);

interface Room {
  readonly bot: string;
  readonly channel: string;
  readonly device: string;
  readonly name: string | null;
}

export class MysqlScheduleStore implements ScheduleStore, KnownSchedules {
  readonly #mysql: Mysql<Schema>;

  constructor(mysql: Mysql<Schema>) {
    this.#mysql = mysql;
  }

  async due(atMs: number, limit: number, after: DueSchedule | null): Promise<readonly DueSchedule[]> {
    const rows = await rowsOf(
      this.#mysql,
      sql<{ id: number; next: Date | null }>`SELECT id, next_send_at AS next FROM kb_schedule
        WHERE status = 'active' AND (next_send_at IS NULL OR next_send_at <= ${wallOf(atMs)}) AND ${beyond(after)}
        ORDER BY next_send_at, id LIMIT ${sql.lit(limit)}`,
    );
    return rows.map(({ id, next }) => ({ id, knownMs: next === null ? null : instantOf(next) }));
  }

  async find({ id, knownMs }: DueSchedule): Promise<Schedule | null> {
    const [row] = await rowsOf(
      this.#mysql,
      sql<ScheduleRow>`SELECT ${SCHEDULE_COLUMNS} FROM kb_schedule WHERE ${isStill(id, knownMs)}`,
    );
    return row === undefined ? null : scheduleOf(row, await this.#roomOf(row));
  }

  keep(sending: Sending): Promise<boolean> {
    return this.#mysql.run(() =>
      this.#mysql.db.transaction().execute(async (tx) => {
        const { actions, rows, log } = sending;
        const moved = await moveOn(sending).execute(tx);
        if (moved.numAffectedRows !== 1n) return false;
        const [first] = actions;
        if (first !== undefined) await insertOutbox(tx, { ...first, outbox: actions });
        if (rows.length > 0) await sql.raw(CHAT_LOG_INSERT + rows.map(chatLogTuple).join(",")).execute(tx);
        if (log !== null) await insertLog(tx, sending, log);
        return true;
      }),
    );
  }

  settle(): AsyncIterable<SendingOutcome> {
    return settledSendings(this.#mysql);
  }

  list(bot: string | null, limit: number): Promise<readonly KnownSchedule[]> {
    const ofBot = bot === null ? sql`TRUE` : sql`target_bot_name = ${bot}`;
    return rowsOf(
      this.#mysql,
      sql<KnownSchedule>`SELECT ${KNOWN} FROM kb_schedule WHERE ${ofBot}
        ORDER BY next_send_at IS NULL, next_send_at, id LIMIT ${sql.lit(limit)}`,
    );
  }

  async show(id: number): ReturnType<KnownSchedules["show"]> {
    type Shown = KnownSchedule & { readonly says: string | null };
    const select = sql<Shown>`SELECT ${KNOWN}, message_text AS says FROM kb_schedule WHERE id = ${id}`;
    return (await rowsOf(this.#mysql, select))[0] ?? null;
  }

  logs(id: number, limit: number): Promise<readonly KnownSending[]> {
    return rowsOf(
      this.#mysql,
      sql<KnownSending>`SELECT CAST(scheduled_at AS CHAR) AS due, CAST(started_at AS CHAR) AS started,
          CAST(completed_at AS CHAR) AS completed, duration_ms AS tookMs, status, send_components AS components,
          error_message AS why
        FROM kb_schedule_logs WHERE schedule_id = ${id} ORDER BY id DESC LIMIT ${sql.lit(limit)}`,
    );
  }

  /** As the schedule's own device knows it, or any of the bot's where it names none. */
  async #roomOf({ bot, channel, device }: ScheduleRow): Promise<string | null> {
    const rooms = await rowsOf(
      this.#mysql,
      sql<Room>`SELECT bot_name AS bot, room_id AS channel, device_id AS device, room_name AS name FROM kb_rooms
        WHERE room_id = ${channel} AND bot_name = ${bot} AND status = 'approved' ORDER BY updated_at DESC`,
    );
    const isMeant = (room: Room) =>
      room.bot === bot && room.channel === channel && [null, "", room.device].includes(device);
    const found = rooms.find(isMeant);
    return found === undefined ? null : (found.name ?? "");
  }
}

/** NULL is the lowest of all. */
function beyond(after: DueSchedule | null): RawBuilder<unknown> {
  if (after === null) return sql`TRUE`;
  if (after.knownMs === null) return sql`(next_send_at IS NOT NULL OR id > ${after.id})`;
  const wall = wallOf(after.knownMs);
  return sql`(next_send_at > ${wall} OR (next_send_at = ${wall} AND id > ${after.id}))`;
}

function isStill(id: number, knownMs: number | null): RawBuilder<unknown> {
  return sql`id = ${id} AND status = 'active' AND next_send_at <=> ${knownMs === null ? null : wallOf(knownMs)}`;
}

function moveOn({ schedule, atMs, nextMs, status, actions }: Sending): RawBuilder<unknown> {
  const next = nextMs === null ? null : wallOf(nextMs);
  const sent = actions.length === 0 ? sql`` : sql`, last_sent_at = ${wallOf(atMs)}, send_count = send_count + 1`;
  return sql`UPDATE kb_schedule SET next_send_at = ${next}, status = ${status}${sent}
    WHERE ${isStill(schedule.id, schedule.knownMs)}`;
}

async function insertLog(
  tx: Transaction<Schema>,
  { schedule, atMs, actions }: Sending,
  { dueMs, status, why }: NonNullable<Sending["log"]>,
): Promise<void> {
  const text = schedule.parts.find(({ name }) => name === "text")?.reply;
  const said = actions.length > 0 && text?.kind === "text" ? text.text : null;
  const components = actions.length > 0 ? schedule.parts.map(({ name }) => name).join(",") : null;
  const [started, ended, took] = [wallOf(atMs), ...(status === "pending" ? [null, null] : [wallOf(atMs), 0])];
  await sql`INSERT INTO kb_schedule_logs (schedule_id, target_room_id, target_device_id, sent_message_text,
      send_components, status, error_message, scheduled_at, started_at, completed_at, duration_ms)
    VALUES (${schedule.id}, ${schedule.channel}, NULL, ${said}, ${components}, ${status}, ${why === "" ? null : why},
      ${wallOf(dueMs)}, ${started}, ${ended}, ${took})`.execute(tx);
}
