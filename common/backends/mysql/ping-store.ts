/**
 * Pings in kb_ping_monitor, the original's table. Its times are Korean wall clock, as in all of kb_*; its memory columns
 * are whole MB. What it has no column for is in `client_status`, in the form in which phones send it.
 */
import { type QueryExecutorProvider, sql } from "kysely";
import type { DeviceKey } from "#common/ports/approvals.ts";
import type { Ping, PingSeen, PingStore } from "#common/ports/pings.ts";

const INT_MAX = 2 ** 31 - 1;

interface Row {
  readonly bot: string;
  readonly device: string;
  /** Epoch seconds. */
  readonly at: number | string;
  readonly address: string | null;
  readonly rttMs: number | null;
  readonly used: number | null;
  readonly max: number | null;
  readonly queue: number | null;
  readonly rooms: number | null;
  readonly status: unknown;
  readonly isManual: number;
}

interface Status {
  readonly cpu?: number | null;
  readonly temp?: number | null;
  readonly monitoring?: {
    readonly uptime?: number | null;
    readonly messageCount?: number | null;
    readonly lastActivity?: string | null;
  };
}

export class MysqlPingStore implements PingStore {
  /** Of whatever schema: statements here are finished. */
  readonly #mysql: { readonly db: QueryExecutorProvider; run<T>(work: () => Promise<T>): Promise<T> };

  constructor(mysql: { readonly db: QueryExecutorProvider; run<T>(work: () => Promise<T>): Promise<T> }) {
    this.#mysql = mysql;
  }

  async append(pings: readonly Ping[]): Promise<void> {
    const insert = sql`INSERT INTO kb_ping_monitor (bot_name, device_id, client_ip, ping_time_ms, rtt_ms, server_timestamp,
      total_memory, memory_usage, memory_percent, message_queue_size, active_rooms, process_name, client_status, is_manual)
      VALUES ${sql.join(pings.map(tupleOf))}`;
    await this.#mysql.run(() => insert.execute(this.#mysql.db));
  }

  async newest({ bot, device }: DeviceKey, limit: number): Promise<readonly PingSeen[]> {
    const select = sql<Row>`SELECT bot_name AS bot, device_id AS device, client_ip AS address, rtt_ms AS rttMs,
        UNIX_TIMESTAMP(server_timestamp - INTERVAL 9 HOUR) AS at, memory_usage AS used, total_memory AS max,
        message_queue_size AS queue, active_rooms AS rooms, client_status AS status, is_manual AS isManual
      FROM kb_ping_monitor WHERE bot_name = ${bot} AND device_id = ${device}
      ORDER BY server_timestamp DESC, id DESC LIMIT ${limit}`;
    const { rows } = await this.#mysql.run(() => select.execute(this.#mysql.db));
    // MySQL takes "Bot" and "bot" for one.
    return rows.filter((row) => row.bot === bot && row.device === device).map(seenOf);
  }
}

function tupleOf({ bot, device, address, podName, at, rttMs, vitals }: Ping) {
  const [rtt, used, max] = [rttMs, vitals.memoryUsedMb, vitals.memoryMaxMb].map(whole);
  const percent = used === null || !max ? null : (used as number) / (max / 100);
  const status = JSON.stringify({
    cpu: vitals.cpu,
    ram: { usedMB: vitals.memoryUsedMb, maxMB: vitals.memoryMaxMb },
    temp: vitals.temperature,
    monitoring: { uptime: vitals.uptimeMs, messageCount: vitals.messageCount, lastActivity: vitals.lastActivity },
  });
  return sql`(${bot}, ${device}, ${address}, ${rtt}, ${rtt}, FROM_UNIXTIME(${Math.floor(at / 1_000)}) + INTERVAL 9 HOUR,
    ${max}, ${used}, ${percent}, ${whole(vitals.queueSize)}, ${whole(vitals.activeRooms)}, ${podName.slice(0, 100)},
    ${status}, ${vitals.isManual ? 1 : 0})`;
}

function seenOf(row: Row): PingSeen {
  const { cpu = null, temp = null, monitoring = {} } = statusOf(row.status);
  const { uptime = null, messageCount = null, lastActivity = null } = monitoring;
  const memory = { memoryUsedMb: row.used, memoryMaxMb: row.max };
  const load = { queueSize: row.queue, activeRooms: row.rooms, cpu, temperature: temp };
  const life = { uptimeMs: uptime, messageCount, lastActivity, isManual: row.isManual === 1 };
  const { address, rttMs } = row;
  return { at: Number(row.at) * 1_000, address: address ?? "", rttMs, vitals: { ...memory, ...load, ...life } };
}

/** MariaDB gives the text, MySQL what the text means; rows of before have none. */
function statusOf(value: unknown): Status {
  return ((typeof value === "string" ? JSON.parse(value) : value) ?? {}) as Status;
}

/** As an int column takes it: phones may say any number, and none may stop the rows of the others. */
function whole(value: number | null): number | null {
  return value === null ? null : Math.min(Math.round(value), INT_MAX);
}
