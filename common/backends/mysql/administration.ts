/**
 * Operators' view of kb_bot_devices and kb_rooms, and moa_audit beside them.
 *
 *   BEGIN -> the rows, locked -> their new status -> one audit row each -> COMMIT
 *
 * A row that has the status already is given back and leaves no trace: nothing was changed. MySQL may take "Bot" and
 * "bot" for one: what is given back names the rows as they are, which is how the pods know them.
 */
import { type ExpressionBuilder, type Generated, type Kysely, sql, type Transaction } from "kysely";
import type {
  Actor,
  Administration,
  Audit,
  AuditEntry,
  AuditRow,
  Changed,
  KnownBot,
  KnownDevice,
  KnownRoom,
  ListAsked,
  Verdict,
} from "#common/ports/administration.ts";
import type { ApprovalStatus, DeviceKey, RoomKey } from "#common/ports/approvals.ts";
import type { Mysql } from "./mysql.ts";

interface Judged {
  bot_name: string;
  device_id: string;
  status: ApprovalStatus;
  approved_at: Date | null;
  rejection_reason: string | null;
  created_at: Date;
}

/** What is touched of the tables; the migrations of workers/stores are the truth. */
export interface AdministeredTables {
  kb_bot_devices: Judged & { ip_address: string | null; client_type: string | null; client_version: string | null };
  kb_rooms: Judged & { room_id: string; room_name: string | null };
  moa_audit: {
    id: Generated<number>;
    at: Generated<Date>;
    who: string;
    from_address: string;
    action: string;
    subject: string;
    before: string;
    after: string;
  };
  moa_seen_events: { event: string };
}

type Table = "kb_bot_devices" | "kb_rooms";
type DeviceTerms = ExpressionBuilder<AdministeredTables, "kb_bot_devices">;

export class MysqlAdministration implements Administration, Audit {
  readonly #mysql: Mysql<AdministeredTables>;

  constructor(mysql: Mysql<AdministeredTables>) {
    this.#mysql = mysql;
  }

  devices(asked: ListAsked): Promise<readonly KnownDevice[]> {
    return this.#devices((is) => wanted(is, asked), asked.limit);
  }

  async device({ bot, device }: DeviceKey): Promise<KnownDevice | null> {
    const rows = await this.#devices((is) => is.and([is("bot_name", "=", bot), is("device_id", "=", device)]), 1);
    return rows[0] ?? null;
  }

  async #devices(
    where: (is: DeviceTerms) => ReturnType<typeof wanted>,
    limit: number,
  ): Promise<readonly KnownDevice[]> {
    const query = this.#mysql.db
      .selectFrom("kb_bot_devices")
      .select(["bot_name", "device_id", "status", "ip_address", "client_type", "client_version", "rejection_reason"])
      .where(where)
      .orderBy("created_at", "desc")
      .limit(limit);
    const rows = await this.#mysql.run(() => query.execute());
    return rows.map((row) => ({
      bot: row.bot_name,
      device: row.device_id,
      status: row.status,
      address: row.ip_address ?? "",
      clientType: row.client_type ?? "",
      clientVersion: row.client_version ?? "",
      reason: row.rejection_reason,
    }));
  }

  async rooms(asked: ListAsked): Promise<readonly KnownRoom[]> {
    const query = this.#mysql.db
      .selectFrom("kb_rooms")
      .select(["bot_name", "device_id", "room_id", "status", "room_name", "rejection_reason"])
      .where((is) => wanted(is, asked))
      .orderBy("created_at", "desc")
      .limit(asked.limit);
    const rows = await this.#mysql.run(() => query.execute());
    return rows.map((row) => ({
      bot: row.bot_name,
      device: row.device_id,
      channel: row.room_id,
      status: row.status,
      roomName: row.room_name ?? "",
      reason: row.rejection_reason,
    }));
  }

  async bots(limit: number): Promise<readonly KnownBot[]> {
    const [devices, rooms] = await Promise.all([this.#counts("kb_bot_devices"), this.#counts("kb_rooms")]);
    const names = [...new Set([...devices.keys(), ...rooms.keys()])].sort().slice(0, limit);
    return names.map((bot) => ({ bot, devices: devices.get(bot) ?? {}, rooms: rooms.get(bot) ?? {} }));
  }

  async #counts(table: Table): Promise<ReadonlyMap<string, Partial<Record<ApprovalStatus, number>>>> {
    const query = this.#mysql.db
      .selectFrom(table)
      .select(({ fn }) => ["bot_name", "status", fn.countAll<number>().as("count")])
      .groupBy(["bot_name", "status"]);
    const byBot = new Map<string, Partial<Record<ApprovalStatus, number>>>();
    for (const { bot_name, status, count } of await this.#mysql.run(() => query.execute())) {
      byBot.set(bot_name, { ...byBot.get(bot_name), [status]: Number(count) });
    }
    return byBot;
  }

  async changeDevice(key: DeviceKey, to: Verdict, by: Actor): Promise<readonly Changed<DeviceKey>[]> {
    return this.#transaction(async (tx) => {
      const rows = await tx
        .selectFrom("kb_bot_devices")
        .select(["bot_name", "device_id", "status"])
        .where("bot_name", "=", key.bot)
        .where("device_id", "=", key.device)
        .forUpdate()
        .execute();
      const changed = rows.map((row) => {
        return { key: { bot: row.bot_name, device: row.device_id }, before: row.status, after: to.status };
      });
      for (const one of changed.filter(isReal)) {
        const { bot, device } = one.key;
        await tx
          .updateTable("kb_bot_devices")
          .set(columnsOf(to))
          .where("bot_name", "=", bot)
          .where("device_id", "=", device)
          .execute();
        await record(tx, auditOf("device", `${bot} ${device}`, { ...one, to }), by);
      }
      return changed;
    });
  }

  async changeRoom(
    { bot, channel, device }: Parameters<Administration["changeRoom"]>[0],
    to: Verdict,
    by: Actor,
  ): Promise<readonly Changed<RoomKey>[]> {
    return this.#transaction(async (tx) => {
      const rows = await tx
        .selectFrom("kb_rooms")
        .select(["bot_name", "room_id", "device_id", "status"])
        .where("room_id", "=", channel)
        .where("bot_name", "=", bot)
        .where((is) => (device === null ? is.lit(true) : is("device_id", "=", device)))
        .forUpdate()
        .execute();
      const changed = rows.map((row) => {
        const key = { bot: row.bot_name, channel: row.room_id, device: row.device_id };
        return { key, before: row.status, after: to.status };
      });
      for (const one of changed.filter(isReal)) {
        await tx
          .updateTable("kb_rooms")
          .set(columnsOf(to))
          .where("room_id", "=", channel)
          .where("bot_name", "=", bot)
          .where("device_id", "=", one.key.device)
          .execute();
        await record(tx, auditOf("room", `${bot} ${channel} ${one.key.device}`, { ...one, to }), by);
      }
      return changed;
    });
  }

  async record(entry: AuditEntry, by: Actor): Promise<void> {
    await this.#mysql.run(() => record(this.#mysql.db, entry, by));
  }

  async recent(limit: number): Promise<readonly AuditRow[]> {
    const query = this.#mysql.db.selectFrom("moa_audit").selectAll().orderBy("id", "desc").limit(limit);
    const rows = await this.#mysql.run(() => query.execute());
    return rows.map(({ from_address, at, ...row }) => ({ ...row, from: from_address, at: at.getTime() }));
  }

  async hasChangesOf(event: string): Promise<boolean> {
    const query = this.#mysql.db.selectFrom("moa_seen_events").select("event").where("event", "=", event);
    return (await this.#mysql.run(() => query.execute())).length > 0;
  }

  #transaction<T>(work: (tx: Transaction<AdministeredTables>) => Promise<T>): Promise<T> {
    return this.#mysql.run(() => this.#mysql.db.transaction().execute(work));
  }
}

function wanted(is: ExpressionBuilder<AdministeredTables, Table>, { status, bot }: ListAsked) {
  return is.and([
    ...(status === null ? [] : [is("status", "=", status)]),
    ...(bot === null ? [] : [is("bot_name", "=", bot)]),
  ]);
}

function isReal({ before, after }: { readonly before: ApprovalStatus; readonly after: ApprovalStatus }): boolean {
  return before !== after;
}

function columnsOf({ status, reason }: Verdict) {
  const approved = status === "approved" ? { approved_at: sql<Date>`CURRENT_TIMESTAMP` } : {};
  return { status, rejection_reason: reason, ...approved };
}

function auditOf(kind: string, subject: string, { before, to }: { before: ApprovalStatus; to: Verdict }): AuditEntry {
  const after = to.reason === null ? to.status : `${to.status}: ${to.reason}`;
  return { action: `${kind}.${to.status}`, subject, before, after };
}

async function record(db: Kysely<AdministeredTables>, entry: AuditEntry, { who, from }: Actor): Promise<void> {
  await db
    .insertInto("moa_audit")
    .values({ ...entry, who, from_address: from })
    .execute();
}
