/**
 * Devices and rooms in kb_bot_devices and kb_rooms, the original's tables. A batch costs one SELECT; unknown ones one
 * INSERT and one SELECT more; one UPDATE for each that says something new of itself.
 *
 *   found, letter by letter    its status; one that is none of ours is `denied`
 *   not found, insertable      inserted as pending (or approved), then looked up again: another pod may have been faster.
 *                              No more devices than a person can look through: anybody may knock under any name
 *   still not found            `denied`
 *
 * MySQL takes "Bot", "bot" and "bot " for one key under most collations, and would cut what is too long where it is not
 * strict. Neither may let one in under another's name: what MySQL found is compared again here, and what does not fit is
 * never sent.
 */
import { type QueryExecutorProvider, type RawBuilder, sql } from "kysely";
import { limits } from "#common/contract/limits.ts";
import type { ApprovalStatus, ApprovalStore, DeviceAsked, RoomAsked } from "#common/ports/approvals.ts";

export interface MysqlApprovalStoreOptions {
  /** Of whatever schema: statements here are finished. */
  readonly mysql: { readonly db: QueryExecutorProvider; run<T>(work: () => Promise<T>): Promise<T> };
  /** Unknown ones are let in. */
  readonly auto: boolean;
}

/** Of the columns, in characters. */
const BOT_CHARS_MAX = 30;
const DEVICE_CHARS_MAX = 100;
const CHANNEL_CHARS_MAX = 100;

const STATUSES: ReadonlySet<string> = new Set<ApprovalStatus>(["pending", "approved", "denied", "revoked", "blocked"]);

interface DeviceRow {
  readonly bot: string;
  readonly device: string;
  readonly status: string;
  readonly address: string | null;
  readonly clientType: string | null;
  readonly clientVersion: string | null;
}

interface RoomRow {
  readonly bot: string;
  readonly device: string;
  readonly channel: string;
  readonly status: string;
  readonly roomName: string | null;
}

/** What differs between the two tables. */
interface Table<Asked, Row> {
  readonly fits: (asked: Asked) => boolean;
  readonly keyOf: (of: Asked | Row) => string;
  readonly select: (where: RawBuilder<unknown>) => RawBuilder<Row>;
  /** Column by column: for an UPDATE of (a, b) = (1, 2) MariaDB reads the whole table. */
  readonly where: (asked: Asked) => RawBuilder<unknown>;
  /** How many may still be inserted as pending; rooms are those of approved devices, which have a quota. */
  readonly place: RawBuilder<{ readonly left: number }> | null;
  readonly insert: (asked: readonly Asked[], status: ApprovalStatus) => RawBuilder<unknown>;
  readonly isNews: (asked: Asked, row: Row) => boolean;
  readonly update: (asked: Asked) => RawBuilder<unknown>;
}

const devices: Table<DeviceAsked, DeviceRow> = {
  fits: ({ bot, device }) => fitsInto(bot, BOT_CHARS_MAX) && fitsInto(device, DEVICE_CHARS_MAX),
  keyOf: ({ bot, device }) => `${bot}\0${device}`,
  select: (where) => sql<DeviceRow>`SELECT bot_name AS bot, device_id AS device, status, ip_address AS address,
    client_type AS clientType, client_version AS clientVersion FROM kb_bot_devices WHERE ${where}`,
  where: ({ bot, device }) => sql`(bot_name = ${bot} AND device_id = ${device})`,
  place: sql`SELECT ${limits.devicesPendingMax} - COUNT(*) AS \`left\` FROM kb_bot_devices WHERE status = 'pending'`,
  insert: (asked, status) => {
    const rows = asked.map((one) => {
      const { address, clientType, clientVersion } = aboutOf(one);
      return sql`(${one.bot}, ${one.device}, ${address}, ${clientType}, ${clientVersion}, ${status}, ${approvedAt(status)})`;
    });
    return sql`INSERT INTO kb_bot_devices
      (bot_name, device_id, ip_address, client_type, client_version, status, approved_at)
      VALUES ${sql.join(rows)} ON DUPLICATE KEY UPDATE bot_name = bot_name`;
  },
  isNews: (asked, row) => {
    const { address, clientType, clientVersion } = aboutOf(asked);
    return address !== row.address || clientType !== row.clientType || clientVersion !== row.clientVersion;
  },
  update: (asked) => {
    const { address, clientType, clientVersion } = aboutOf(asked);
    return sql`UPDATE kb_bot_devices SET ip_address = ${address}, client_type = ${clientType},
      client_version = ${clientVersion} WHERE ${devices.where(asked)}`;
  },
};

const rooms: Table<RoomAsked, RoomRow> = {
  fits: ({ bot, device, channel }) =>
    fitsInto(bot, BOT_CHARS_MAX) && fitsInto(device, DEVICE_CHARS_MAX) && fitsInto(channel, CHANNEL_CHARS_MAX),
  keyOf: ({ bot, device, channel }) => `${bot}\0${device}\0${channel}`,
  select: (where) => sql<RoomRow>`SELECT bot_name AS bot, device_id AS device, room_id AS channel, status,
    room_name AS roomName FROM kb_rooms WHERE ${where}`,
  where: ({ bot, device, channel }) => sql`(room_id = ${channel} AND bot_name = ${bot} AND device_id = ${device})`,
  place: null,
  insert: (asked, status) => {
    const rows = asked.map(({ bot, device, channel, roomName }) => {
      const description = `자동 등록된 방 - 봇: ${bot}, 디바이스: ${device.slice(0, 8)}`;
      // The original's own default of lines that it handles at once.
      return sql`(${channel}, ${cut(roomName, 255)}, ${bot}, ${device}, 2, ${description}, ${status}, ${approvedAt(status)})`;
    });
    return sql`INSERT INTO kb_rooms
      (room_id, room_name, bot_name, device_id, room_concurrency, description, status, approved_at)
      VALUES ${sql.join(rows)} ON DUPLICATE KEY UPDATE room_id = room_id`;
  },
  isNews: ({ roomName }, row) => cut(roomName, 255) !== row.roomName,
  update: (asked) => sql`UPDATE kb_rooms SET room_name = ${cut(asked.roomName, 255)} WHERE ${rooms.where(asked)}`,
};

export class MysqlApprovalStore implements ApprovalStore {
  readonly #options: MysqlApprovalStoreOptions;

  constructor(options: MysqlApprovalStoreOptions) {
    this.#options = options;
  }

  devices(asked: readonly DeviceAsked[]): Promise<readonly ApprovalStatus[]> {
    return this.#statuses(devices, asked);
  }

  rooms(asked: readonly RoomAsked[]): Promise<readonly ApprovalStatus[]> {
    return this.#statuses(rooms, asked);
  }

  async #statuses<Asked, Row extends { readonly status: string }>(
    table: Table<Asked, Row>,
    asked: readonly Asked[],
  ): Promise<readonly ApprovalStatus[]> {
    const fitting = asked.filter(table.fits);
    const found = await this.#found(table, fitting);
    const unknown = fitting.filter((one) => !found.has(table.keyOf(one)));
    for (const [key, row] of await this.#registered(table, unknown)) found.set(key, row);
    for (const one of fitting) {
      const row = found.get(table.keyOf(one));
      if (row !== undefined && table.isNews(one, row)) await this.#execute(table.update(one));
    }
    return asked.map((one) => statusOf(found.get(table.keyOf(one))));
  }

  async #registered<Asked, Row>(table: Table<Asked, Row>, unknown: readonly Asked[]): Promise<Map<string, Row>> {
    const { auto } = this.#options;
    const isLimited = unknown.length > 0 && table.place !== null && !auto;
    const [place] = isLimited ? await this.#execute(table.place) : [];
    const registered = isLimited ? unknown.slice(0, Math.max(0, Number(place?.left ?? 0))) : unknown;
    if (registered.length > 0) await this.#execute(table.insert(registered, auto ? "approved" : "pending"));
    return this.#found(table, registered);
  }

  async #found<Asked, Row>(table: Table<Asked, Row>, asked: readonly Asked[]): Promise<Map<string, Row>> {
    if (asked.length === 0) return new Map();
    const rows = await this.#execute(table.select(sql.join(asked.map(table.where), sql` OR `)));
    return new Map(rows.map((row) => [table.keyOf(row), row]));
  }

  async #execute<Row>(statement: RawBuilder<Row>): Promise<readonly Row[]> {
    const { mysql } = this.#options;
    return (await mysql.run(() => statement.execute(mysql.db))).rows;
  }
}

/** Also of what an operator's own page wrote, or a server that is not strict: '' among others. */
function statusOf(row: { readonly status: string } | undefined): ApprovalStatus {
  return row !== undefined && STATUSES.has(row.status) ? (row.status as ApprovalStatus) : "denied";
}

function aboutOf({ address, clientType, clientVersion }: DeviceAsked) {
  return { address: cut(address, 45), clientType: cut(clientType, 50), clientVersion: cut(clientVersion, 20) };
}

function approvedAt(status: ApprovalStatus): RawBuilder<unknown> {
  return status === "approved" ? sql`CURRENT_TIMESTAMP` : sql`NULL`;
}

/** UTF-16 units are at least as many as MySQL's characters. */
function fitsInto(key: string, charsMax: number): boolean {
  return key.length > 0 && key.length <= charsMax && key.isWellFormed();
}

/** For what only people read: at a whole character, and as MySQL gives it back. */
function cut(text: string, charsMax: number): string {
  const short = text.length <= charsMax ? text : [...text.slice(0, 2 * charsMax)].slice(0, charsMax).join("");
  return short.toWellFormed();
}
