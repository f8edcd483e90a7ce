/** What is left of a run behind the gateways: the lanes' balances, the chat log, and the bookings. */
import { createConnection, type RowDataPacket } from "mysql2/promise";
import { loadConfig } from "#common/config/load.ts";
import { openStackLedger, type StackLedger } from "#scripts/fleet/record.ts";
import type { LaneTotals, Rows } from "#scripts/fleet/verdict.ts";
import { KEY_PREFIX, type Site } from "./site.ts";
import type { Texts } from "./texts.ts";

/** Of a test's own command: `# book x` is in it once (test/fixtures/dying-worker.ts). */
const BOOKINGS = "moa_test_bookings";

export class ChaosRecord {
  readonly #ledger: StackLedger;
  readonly #mysqlUrl: string;

  private constructor(ledger: StackLedger, mysqlUrl: string) {
    this.#ledger = ledger;
    this.#mysqlUrl = mysqlUrl;
  }

  static async open({ servers, mysqlUrl }: Site): Promise<ChaosRecord> {
    const env = { ...servers.env, MOA_MYSQL_URL: mysqlUrl, MOA_KEY_PREFIX: KEY_PREFIX };
    const ledger = await openStackLedger(loadConfig({ env, argv: [] }));
    await withMysql(mysqlUrl, `CREATE TABLE IF NOT EXISTS ${BOOKINGS} (what TEXT)`);
    return new ChaosRecord(ledger, mysqlUrl);
  }

  lanes(): Promise<LaneTotals> {
    return this.#ledger.lanes();
  }

  rows(texts: Texts, count: number): Promise<Rows> {
    return this.#ledger.rows({ shape: { run: "", texts: count, bots: 0, rooms: 0 }, read: (said) => texts.read(said) });
  }

  /** Bookings that were made more than once. */
  async effectsTwice(): Promise<readonly string[]> {
    const found = await withMysql(this.#mysqlUrl, `SELECT what FROM ${BOOKINGS} GROUP BY what HAVING COUNT(*) > 1`);
    return found.map(({ what }) => what as string);
  }

  close(): Promise<void> {
    return this.#ledger.close();
  }
}

export function inFlight({ appended, handled, duplicate, refused, parked, expired }: LaneTotals): number {
  return appended - handled - duplicate - refused - parked - expired;
}

async function withMysql(uri: string, sql: string): Promise<RowDataPacket[]> {
  const connection = await createConnection({ uri });
  try {
    const [rows] = await connection.query<RowDataPacket[]>(sql);
    return Array.isArray(rows) ? rows : [];
  } finally {
    connection.destroy();
  }
}
