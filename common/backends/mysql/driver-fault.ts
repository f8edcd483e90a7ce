/**
 * What the MySQL driver says, in moa's words. A driver error carries the statement, and the server's own sentence often
 * quotes the value it refused: both are chat text. Only codes leave this file.
 */
import { MoaError } from "#common/kernel/errors.ts";
import type { Metrics } from "#common/observe/metrics.ts";

/** The cause of every mysql_unavailable and mysql_refused. */
export interface DriverFault {
  readonly code: string;
  /** Server error number; 0 when the server did not speak. */
  readonly errno: number;
  readonly sqlState: string;
}

const DEADLOCK = 1213;
const LOCK_WAIT_TIMEOUT = 1205;
const DUPLICATE_ENTRY = 1062;
/** Option prevents statement, read-only transaction, read-only mode: the primary became a replica. */
const READ_ONLY: ReadonlySet<number> = new Set([1290, 1792, 1836]);

/**
 * Incorrect datetime, truncated, incorrect string, too long; CHECK of MySQL and of MariaDB. A closed list, because whole
 * SQLSTATE classes also hold faults of the table: MariaDB says 22003 of every row once AUTO_INCREMENT is at its end. Only
 * the statement was undone, not its transaction.
 */
const REFUSED_VALUES: ReadonlySet<number> = new Set([1292, 1265, 1366, 1406, 3819, 4025]);

export function toMoaError(error: unknown, metrics: Metrics): MoaError {
  const { code, errno, sqlState, message } = error as Partial<DriverFault> & { readonly message?: string };
  const spoken = typeof sqlState === "string" && typeof errno === "number";
  const fault: DriverFault = { code: code ?? "UNKNOWN", errno: spoken ? errno : 0, sqlState: spoken ? sqlState : "" };
  metrics.mysqlErrors.inc(1, { code: labelOf(fault) });
  // Without a code it is a sentence of the driver itself ("Pool is closed."), which quotes no data.
  const detail = spoken ? `${fault.code} ${fault.errno} ${fault.sqlState}` : (code ?? message ?? "no reason given");
  return new MoaError(REFUSED_VALUES.has(fault.errno) ? "mysql_refused" : "mysql_unavailable", detail, {
    cause: fault,
  });
}

function labelOf(fault: DriverFault): "connection" | "deadlock" | "read_only" | "other" {
  if (fault.errno === 0) return "connection";
  if (fault.errno === DEADLOCK || fault.errno === LOCK_WAIT_TIMEOUT) return "deadlock";
  return READ_ONLY.has(fault.errno) ? "read_only" : "other";
}

/** The transaction was undone to let another pass: made again at once it usually succeeds. */
export function isDeadlock(error: unknown): boolean {
  const errno = faultOf(error)?.errno;
  return errno === DEADLOCK || errno === LOCK_WAIT_TIMEOUT;
}

export function isDuplicate(error: unknown): boolean {
  return faultOf(error)?.errno === DUPLICATE_ENTRY;
}

export function isReadOnly(error: MoaError): boolean {
  return READ_ONLY.has(faultOf(error)?.errno ?? 0);
}

function faultOf(error: unknown): DriverFault | null {
  return error instanceof MoaError && error.code === "mysql_unavailable" ? (error.cause as DriverFault) : null;
}
