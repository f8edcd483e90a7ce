/**
 * Chat-log rows on their way from a lane's commits to MySQL. Rejections as in lane-log.ts. Reading needs no ownership:
 * the position that counts is in MySQL, moved in the transaction that inserts the rows.
 */
import type { Lane } from "../contract/ids.ts";

export interface RowEntry {
  readonly lane: Lane;
  readonly id: string;
  readonly rows: readonly string[];
}

export interface RowLog {
  /** Entries after each cursor, at most `rowsPerTransactionMax` rows in all (and some MB), waiting up to `waitMs` when there are none. */
  read(cursors: ReadonlyMap<Lane, string>, waitMs: number): Promise<readonly RowEntry[]>;
  /** Drops entries up to and including the id. */
  trim(lane: Lane, upTo: string): Promise<void>;
  /** Entries not yet trimmed, over the lanes given. */
  backlog(lanes: readonly Lane[]): Promise<number>;
}
