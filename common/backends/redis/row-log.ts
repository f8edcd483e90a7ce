/**
 * Waiting is a pause and a second look, not a blocking read: rows are in no hurry, the fewer and fuller the row writer's
 * transactions the better, and a read that blocks on one shard would hold back what another has.
 *
 * A read's bounds are of rows and bytes, XREAD's COUNT is of entries, and an entry has one row or sixty-four. So each read
 * asks for as many entries as were within the bounds at the size that they had last, and leaves what is beyond them to
 * the next. A script could count exactly, and would hash each row once more than anybody needs: it cost 2.6 times as much.
 */
import { nextEntryId } from "#common/contract/entry-id.ts";
import type { Lane } from "#common/contract/ids.ts";
import type { Keys } from "#common/contract/keys.ts";
import { shardOf, type Topology } from "#common/contract/lanes.ts";
import { limits } from "#common/contract/limits.ts";
import { type Clock, pause } from "#common/kernel/clock.ts";
import type { RowEntry, RowLog } from "#common/ports/row-log.ts";
import type { Connection } from "./connection.ts";

/** A row entry as XREAD answers it; lane-commit-n.lua makes them. */
type Entry = readonly [id: string, fields: readonly ["n", string, "r", rows: string]];

/** Of one read: what is suddenly large must not come in hundreds. */
const ENTRIES_MAX = 64;

export interface RowLogOptions {
  readonly commands: Connection;
  readonly keys: Keys;
  readonly reach: Topology;
  readonly clock: Clock;
}

export class RedisRowLog implements RowLog {
  readonly #options: RowLogOptions;
  #turn = 0;
  /** Of the next read, over all its lanes. At first as if all were full. */
  #entries = 16;

  constructor(options: RowLogOptions) {
    this.#options = options;
  }

  async read(cursors: ReadonlyMap<Lane, string>, waitMs: number): Promise<readonly RowEntry[]> {
    const found = await this.#look(cursors);
    if (found.length > 0 || waitMs === 0) return found;
    await pause(this.#options.clock, waitMs);
    return this.#look(cursors);
  }

  async trim(lane: Lane, upTo: string): Promise<void> {
    const { commands, keys } = this.#options;
    await commands.call("trim", (redis) => redis.xtrim(keys.rows(lane), "MINID", "=", nextEntryId(upTo)));
  }

  async backlog(lanes: readonly Lane[]): Promise<number> {
    const { commands, keys } = this.#options;
    const lengths = await commands.call("backlog", (redis) =>
      Promise.all(lanes.map((lane) => redis.xlen(keys.rows(lane)))),
    );
    return lengths.reduce((sum, length) => sum + length, 0);
  }

  async #look(cursors: ReadonlyMap<Lane, string>): Promise<readonly RowEntry[]> {
    const { reach } = this.#options;
    // Each look begins with another lane, so that one lane with a backlog does not keep the batch to itself.
    const all = [...cursors];
    const from = this.#turn++ % Math.max(1, all.length);
    const shards = Map.groupBy([...all.slice(from), ...all.slice(0, from)], ([lane]) => shardOf(reach, lane));
    const rowsMax = Math.floor(limits.rowsPerTransactionMax / Math.max(1, shards.size));
    const found = await Promise.all([...shards.values()].map((lanes) => this.#lookAt(lanes, rowsMax)));
    return found.flat();
  }

  async #lookAt(lanes: readonly (readonly [Lane, string])[], rowsMax: number): Promise<readonly RowEntry[]> {
    const { commands, keys } = this.#options;
    const laneOf = new Map(lanes.map(([lane]) => [keys.rows(lane), lane]));
    const each = Math.ceil(this.#entries / lanes.length);
    const args = ["COUNT", each, "STREAMS", ...laneOf.keys(), ...lanes.map(([, cursor]) => cursor)];
    const streams = await commands.call("rows", (redis) => redis.call("xread", args));
    if (streams === null) return [];
    const found = (streams as [string, Entry[]][]).flatMap(([key, entries]) =>
      entries.map(([id, [, , , rows]]) => ({ lane: laneOf.get(key) as Lane, id, rows })),
    );
    return this.#within(rowsMax, found);
  }

  /** The entries that are within the bounds, the first one in any case. */
  #within(rowsMax: number, found: readonly { lane: Lane; id: string; rows: string }[]): readonly RowEntry[] {
    const within: RowEntry[] = [];
    let rows = 0;
    let chars = 0;
    for (const entry of found) {
      const some = entry.rows.split("\n");
      rows += some.length;
      chars += entry.rows.length;
      const filled = Math.max(rows / rowsMax, chars / limits.rowBytesPerReadMax);
      this.#entries = Math.min(Math.max(1, Math.floor((within.length + 1) / filled)), ENTRIES_MAX);
      if (filled > 1 && within.length > 0) break;
      within.push({ ...entry, rows: some });
    }
    return within;
  }
}
