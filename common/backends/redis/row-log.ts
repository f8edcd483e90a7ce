/**
 * Waiting is a pause and a second look, not a blocking read: rows are in no hurry, the fewer and fuller the row writer's
 * transactions the better, and a read that blocks on one shard would hold back what another has.
 */
import { nextEntryId } from "#common/contract/entry-id.ts";
import type { Lane } from "#common/contract/ids.ts";
import type { Keys } from "#common/contract/keys.ts";
import { shardOf, type Topology } from "#common/contract/lanes.ts";
import { limits } from "#common/contract/limits.ts";
import { type Clock, pause } from "#common/kernel/clock.ts";
import type { RowEntry, RowLog } from "#common/ports/row-log.ts";
import type { Connection } from "./connection.ts";
import type { Scripts } from "./scripts.ts";

export interface RowLogOptions {
  readonly commands: Connection;
  readonly scripts: Scripts;
  readonly keys: Keys;
  readonly reach: Topology;
  readonly clock: Clock;
}

export class RedisRowLog implements RowLog {
  readonly #options: RowLogOptions;
  #turn = 0;

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
    const { commands, scripts, keys } = this.#options;
    const streams = lanes.map(([lane]) => keys.rows(lane));
    const after = lanes.map(([, cursor]) => cursor);
    const found = await commands.run(scripts["rows-read"], streams, [rowsMax, limits.rowBytesPerReadMax, ...after]);
    return (found as [number, string, string][]).map(([index, id, rows]) => ({
      lane: lanes[index - 1]?.[0] as Lane,
      id,
      rows: rows.split("\n"),
    }));
  }
}
