/**
 * The blocking reads: a connection for each shard, because a read that waits holds up all that is sent after it; it
 * goes where the shard goes. The deadline of a read is the connection's own (connection.ts), which is then made again: a dead connection shows itself
 * by nothing else.
 */
import type { Lane } from "#common/contract/ids.ts";
import { shardOf, type Topology } from "#common/contract/lanes.ts";
import { limits } from "#common/contract/limits.ts";
import { backoffMs } from "#common/kernel/backoff.ts";
import { pause } from "#common/kernel/clock.ts";
import type { Connection, ConnectionTools } from "./connection.ts";

/** As XREAD answers: per stream its key and entries, an entry with the one field that ours have. */
export type Streams = readonly (readonly [
  key: string,
  entries: readonly (readonly [id: string, fields: readonly [name: string, value: string]])[],
])[];

/** Of one read. An entry may have 60 KB: this is 30 MB at the very most. */
const ENTRIES_MAX = 512;

export interface ShardReadersOptions extends Pick<ConnectionTools, "clock" | "random"> {
  readonly reach: Topology;
  /** Makes a connection. */
  connect(): Connection;
}

export class ShardReaders {
  readonly #options: ShardReadersOptions;
  readonly #connections = new Map<number, Connection>();

  constructor(options: ShardReadersOptions) {
    this.#options = options;
  }

  /** @throws MoaError redis_unavailable, never without some wait: it is called again at once */
  async read(keys: readonly string[], after: readonly string[], at: { lane: Lane; waitMs: number }): Promise<Streams> {
    const waitMs = Math.min(at.waitMs, limits.blockingReadMs);
    if (keys.length === 0) {
      await pause(this.#options.clock, waitMs);
      return [];
    }
    const connection = this.#of(shardOf(this.#options.reach, at.lane));
    await connection.open();
    // BLOCK 0 would wait for ever.
    const block = waitMs > 0 ? ["BLOCK", waitMs] : [];
    const args = ["COUNT", Math.ceil(ENTRIES_MAX / keys.length), ...block, "STREAMS", ...keys, ...after];
    try {
      return ((await connection.call("read", (redis) => redis.call("xread", ...args))) as Streams | null) ?? [];
    } catch (error) {
      // What reads for ever reads again at once. Refusals would then come as fast as Redis gives them; and a socket that
      // is just being closed refuses without a turn of the event loop, so that its close would never come (seen: a
      // worker that burnt a core for good).
      await pause(this.#options.clock, backoffMs(0, this.#options.random));
      throw error;
    }
  }

  close(): void {
    for (const connection of this.#connections.values()) connection.close();
  }

  #of(shard: number): Connection {
    const known = this.#connections.get(shard);
    if (known) return known;
    const made = this.#options.connect();
    this.#connections.set(shard, made);
    return made;
  }
}
