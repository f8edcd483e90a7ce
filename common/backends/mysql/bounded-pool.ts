/**
 * mysql2's pool as kysely wants it, with what neither of them has: a deadline for the wait for a connection and for each
 * statement, an end that ends, and errors in moa's words.
 *
 * A statement that passed its deadline costs the connection: the server may still be at it, and its late answer would
 * be taken for that of the next statement. The server undoes the open transaction when it sees the socket closed.
 */
import type { MysqlPool, MysqlPoolConnection, MysqlQueryResult } from "kysely";
import { createPool, type Pool, type PoolConnection, type PoolOptions } from "mysql2";
import type { Clock } from "#common/kernel/clock.ts";
import type { MoaError } from "#common/kernel/errors.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import { isReadOnly, toMoaError } from "./driver-fault.ts";

export interface BoundedPoolOptions {
  readonly pool: PoolOptions;
  /** Statements sent once on each new connection, before anything else. */
  readonly session: readonly string[];
  readonly waitMsMax: number;
  readonly callMsMax: number;
  readonly endMsMax: number;
  readonly clock: Clock;
  readonly metrics: Metrics;
}

export function boundedPool(options: BoundedPoolOptions): MysqlPool {
  const pool = createPool(options.pool);
  const open = new Set<PoolConnection>();
  pool.on("connection", (connection) => {
    open.add(connection);
    // A second error without a listener would end the process.
    connection.on("error", () => open.delete(connection));
    connection.once("end", () => open.delete(connection));
    // The pool hands the connection out after this event, so these are the first in its queue.
    for (const statement of options.session) {
      connection.query({ sql: statement, timeout: options.callMsMax }, (error) => {
        if (error !== null) connection.destroy();
      });
    }
  });
  return {
    getConnection: (done) => acquire(pool, options, done),
    end: (done) => {
      const cancel = options.clock.after(options.endMsMax, () => {
        for (const connection of open) connection.destroy();
        finish();
      });
      let finished = false;
      const finish = () => {
        cancel();
        if (!finished) done(undefined);
        finished = true;
      };
      pool.end(finish);
    },
  };
}

const WAITING = { state: "waiting" } as const;
const IN_USE = { state: "in_use" } as const;

type Acquired = Parameters<MysqlPool["getConnection"]>[0];

function acquire(pool: Pool, options: BoundedPoolOptions, done: Acquired): void {
  const { mysqlPool } = options.metrics;
  const fail = (error: unknown) =>
    done(toMoaError(error, options.metrics), undefined as unknown as MysqlPoolConnection);
  let late = false;
  mysqlPool.inc(1, WAITING);
  const cancel = options.clock.after(options.waitMsMax, () => {
    late = true;
    mysqlPool.inc(-1, WAITING);
    fail({ code: "NO_CONNECTION_IN_TIME" });
  });
  pool.getConnection((error, connection) => {
    cancel();
    if (late) return error === null ? connection.release() : undefined;
    mysqlPool.inc(-1, WAITING);
    if (error !== null) return fail(error);
    mysqlPool.inc(1, IN_USE);
    done(undefined, bounded(connection, options));
  });
}

function bounded(connection: PoolConnection, { callMsMax, clock, metrics }: BoundedPoolOptions): MysqlPoolConnection {
  type Done = (error: unknown, result: MysqlQueryResult) => void;
  const query = (sql: string, values: unknown[], done: Done) => {
    const sentMs = clock.monotonicMs();
    connection.query({ sql, values, timeout: callMsMax }, (error: NodeJS.ErrnoException | null, result) => {
      if (error === null) {
        metrics.mysqlQuerySeconds.observe((clock.monotonicMs() - sentMs) / 1_000);
        return done(undefined, result as unknown as MysqlQueryResult);
      }
      const translated = toMoaError(error, metrics);
      if (isSpent(error, translated)) connection.destroy();
      done(translated, undefined as unknown as MysqlQueryResult);
    });
  };
  const { config, threadId } = connection;
  // kysely's streaming form of query is not offered: nothing here reads a result longer than its LIMIT.
  return {
    config,
    threadId,
    query: query as unknown as MysqlPoolConnection["query"],
    connect: (done) => done?.(undefined),
    release: () => {
      metrics.mysqlPool.inc(-1, IN_USE);
      connection.release();
    },
    destroy: () => connection.destroy(),
  };
}

/** After these the connection must not be used again; of a read-only one the next may reach the new primary. */
function isSpent(error: NodeJS.ErrnoException, translated: MoaError): boolean {
  return error.code === "PROTOCOL_SEQUENCE_TIMEOUT" || isReadOnly(translated);
}
