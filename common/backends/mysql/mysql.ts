/**
 * One way to MySQL or MariaDB: a kysely over a bounded pool. Every connection is set up alike whatever the server's
 * configuration says: utf8mb4, UTC, strict, backslash escapes on (the text-only connection depends on it).
 */
import { Kysely, MysqlDialect } from "kysely";
import { backoffMs } from "#common/kernel/backoff.ts";
import { type Clock, pause } from "#common/kernel/clock.ts";
import type { Random } from "#common/kernel/random.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import { boundedPool } from "./bounded-pool.ts";
import { isDeadlock } from "./driver-fault.ts";

export interface MysqlOptions {
  /** mysql://user:password@host:port/database */
  readonly url: string;
  /** 2 or more. */
  readonly connectionsMax: number;
  /** Of one statement, 5 s when absent; a migration of a filled table takes minutes. */
  readonly callMsMax?: number;
  /**
   * Statements come as finished text. mysql2 looks for placeholders in every text it sends, also where there are no
   * values: 15 % of a worker's CPU under load. Only for a store that escapes every value itself.
   */
  readonly textOnly?: true;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Metrics;
}

const CALL_MS_MAX = 5_000;
const WAIT_MS_MAX = 3_000;
const END_MS_MAX = 2_000;
const WAITING_MAX = 1_000;
const DEADLOCK_TRIES_MAX = 5;
/**
 * A process stopped in the middle of a transaction keeps its locks until the server gives up on it: 10 s here, 8 hours
 * by default. Idle connections of living processes are closed by the pool before that.
 */
const SERVER_IDLE_S_MAX = 10;
const POOL_IDLE_MS_MAX = 5_000;
/** Below the call's deadline, so that a lock held elsewhere is named as one. */
const LOCK_WAIT_S_MAX = 3;

/** No connection is made before the first call. */
export class Mysql<Schema> {
  readonly db: Kysely<Schema>;
  readonly #options: MysqlOptions;

  constructor(options: MysqlOptions) {
    this.#options = options;
    const callMsMax = options.callMsMax ?? CALL_MS_MAX;
    const pool = boundedPool({
      pool: {
        uri: options.url,
        charset: "utf8mb4_unicode_ci",
        timezone: "Z",
        supportBigNumbers: true,
        connectionLimit: options.connectionsMax,
        // mysql2 closes idle connections only when fewer may be idle than open.
        maxIdle: options.connectionsMax - 1,
        idleTimeout: POOL_IDLE_MS_MAX,
        queueLimit: WAITING_MAX,
        connectTimeout: WAIT_MS_MAX,
        enableKeepAlive: true,
        ...(options.textOnly && { queryFormat: (sql: string) => sql }),
      },
      session: sessionOf(callMsMax),
      waitMsMax: WAIT_MS_MAX,
      callMsMax,
      endMsMax: END_MS_MAX,
      clock: options.clock,
      metrics: options.metrics,
    });
    this.db = new Kysely<Schema>({ dialect: new MysqlDialect({ pool }) });
  }

  /**
   * Runs a whole transaction, and runs it again a few times when a deadlock undid it. Errors are MoaErrors already.
   * @throws MoaError mysql_unavailable
   */
  async run<T>(transaction: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await transaction();
      } catch (error) {
        if (!isDeadlock(error) || attempt + 1 >= DEADLOCK_TRIES_MAX) throw error;
        await pause(this.#options.clock, backoffMs(attempt, this.#options.random, 10, 200));
      }
    }
  }

  /** Ends within two seconds, whether the server is there or not. */
  async close(): Promise<void> {
    await this.db.destroy();
  }
}

function sessionOf(callMsMax: number): readonly string[] {
  return [
    [
      "SET time_zone = '+00:00'",
      "sql_mode = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
      `innodb_lock_wait_timeout = ${LOCK_WAIT_S_MAX}`,
      `wait_timeout = ${Math.max(SERVER_IDLE_S_MAX, Math.ceil(callMsMax / 1_000))}`,
    ].join(", "),
    // An UPDATE that misses its row locks none of the rows it looked at. The variable's name differs between servers.
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
  ];
}
