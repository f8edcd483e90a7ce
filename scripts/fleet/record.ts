/** What happened behind the gateways, read where it is kept: the lanes' balances in Redis and kb_chat_logs in MySQL. */
import { type Connection, createConnection, type RowDataPacket } from "mysql2/promise";
import { redisBackends } from "#common/backends/redis/backends.ts";
import { placeOf } from "#common/backends/redis/place.ts";
import { systemClock } from "#common/backends/system/clock.ts";
import { systemRandom } from "#common/backends/system/random.ts";
import type { Config } from "#common/config/load.ts";
import { keysFor } from "#common/contract/keys.ts";
import { MoaError } from "#common/kernel/errors.ts";
import { createLogger } from "#common/observe/logger.ts";
import { createMetrics } from "#common/observe/metrics.ts";
import type { Ledger } from "./ledger.ts";
import type { LaneTotals, Rows } from "./verdict.ts";

const PAGE_ROWS = 20_000;
const STATEMENT_MS_MAX = 30_000;

export interface StackLedger {
  lanes(): Promise<LaneTotals>;
  /** Rows of this run's texts, of all that was inserted since the opening. */
  rows(ledger: Pick<Ledger, "read" | "shape">): Promise<Rows>;
  close(): Promise<void>;
}

/** @throws MoaError redis_unavailable, mysql_unavailable */
export async function openStackLedger(config: Config): Promise<StackLedger> {
  const { shards, lanesPerShard, outboxTags: tags, keyPrefix, laneBacklogMax, logLevel } = config;
  const topology = { shards, lanesPerShard, tags };
  const backends = redisBackends({
    ...placeOf(config),
    clock: systemClock(),
    random: systemRandom(),
    metrics: createMetrics(false).metrics,
    log: createLogger("fleet", logLevel === "debug" ? logLevel : "silent"),
    keys: keysFor(topology, keyPrefix),
    topology,
    laneBacklogMax,
    insecure: true,
  });
  await backends.start();
  const firstId = await withMysql(config.mysqlUrl, newestRow);
  return {
    lanes: async () => {
      const balances = await backends.balances.balances();
      const sum = (of: (balance: (typeof balances)[number]) => number) =>
        balances.reduce((all, one) => all + of(one), 0);
      return {
        appended: sum((one) => one.appended),
        handled: sum((one) => one.done.handled),
        duplicate: sum((one) => one.done.duplicate),
        refused: sum((one) => one.done.refused),
        parked: sum((one) => one.done.parked),
        expired: sum((one) => one.done.expired),
      };
    },
    rows: (ledger) => withMysql(config.mysqlUrl, (connection) => readRows(connection, ledger, firstId)),
    close: () => backends.close(),
  };
}

/** A connection for each reading: between two of them the server may have been restarted. */
async function withMysql<T>(url: string, use: (connection: Connection) => Promise<T>): Promise<T> {
  let connection: Connection | undefined;
  try {
    connection = await createConnection({ uri: url, charset: "utf8mb4", connectTimeout: 2_000 });
    return await use(connection);
  } catch (cause) {
    throw new MoaError("mysql_unavailable", (cause as Error).message, { cause });
  } finally {
    connection?.destroy();
  }
}

async function newestRow(connection: Connection): Promise<number> {
  const rows = await select(connection, "SELECT COALESCE(MAX(id), 0) AS id FROM kb_chat_logs", []);
  return rows[0]?.id as number;
}

async function readRows(
  connection: Connection,
  ledger: Pick<Ledger, "read" | "shape">,
  firstId: number,
): Promise<Rows> {
  const { texts } = ledger.shape;
  const rows = { lines: new Uint8Array(texts), answers: new Uint8Array(texts) };
  const page = `SELECT id, message, is_our_bot_response AS ours FROM kb_chat_logs WHERE id > ? ORDER BY id LIMIT ${PAGE_ROWS}`;
  for (let lastId = firstId, full = true; full; ) {
    const found = await select(connection, page, [lastId]);
    for (const { message, ours } of found) {
      const read = ledger.read(message);
      if (read === null || read.isAnswer !== Boolean(ours)) continue;
      const counts = ours ? rows.answers : rows.lines;
      counts[read.text] = Math.min((counts[read.text] as number) + 1, 255);
    }
    full = found.length === PAGE_ROWS;
    lastId = found.at(-1)?.id ?? lastId;
  }
  return rows;
}

async function select(connection: Connection, sql: string, values: readonly number[]): Promise<RowDataPacket[]> {
  const [rows] = await connection.query<RowDataPacket[]>({ sql, values: [...values], timeout: STATEMENT_MS_MAX });
  return rows;
}
