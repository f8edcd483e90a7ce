/**
 * The owner's side of the lanes.
 *
 * Seen digests go to the key of the worker's own time, and a take reads one key more on both sides: workers may be a
 * whole bucket apart by their clocks and miss nothing. Redis' own time would be exact, but a script could then not name
 * the key before it runs.
 */
import { nextEntryId } from "#common/contract/entry-id.ts";
import type { Lane, MemberId } from "#common/contract/ids.ts";
import type { Keys } from "#common/contract/keys.ts";
import { laneCount, type Topology } from "#common/contract/lanes.ts";
import { limits } from "#common/contract/limits.ts";
import type { Clock } from "#common/kernel/clock.ts";
import { MoaError } from "#common/kernel/errors.ts";
import type { Random } from "#common/kernel/random.ts";
import type {
  Attempts,
  LaneCommit,
  LaneEntry,
  LaneMark,
  LaneReader,
  LaneState,
  Taken,
} from "#common/ports/lane-log.ts";
import type { Argument, Connection } from "./connection.ts";
import type { Scripts } from "./scripts.ts";
import { ShardCalls } from "./shard-calls.ts";
import type { ShardReaders } from "./shard-readers.ts";

/** Rows of one commit are cut into entries of this many, so that a row writer's batch is bounded by rows. */
const ROWS_PER_ENTRY = 64;

export interface LaneReaderOptions {
  readonly commands: Connection;
  readonly readers: ShardReaders;
  readonly scripts: Scripts;
  readonly keys: Keys;
  readonly reach: Topology;
  readonly clock: Clock;
  readonly random: Random;
}

export class RedisLaneReader implements LaneReader {
  readonly #options: LaneReaderOptions;
  readonly #commits: ShardCalls<LaneCommit, number>;

  constructor(options: LaneReaderOptions) {
    this.#options = options;
    this.#commits = new ShardCalls({ ...options, gapMs: 0, send: (commits) => this.#commitAll(commits) });
  }

  owners(): Promise<readonly LaneState[]> {
    const { commands, keys, reach } = this.#options;
    const lanes = Array.from({ length: laneCount(reach) }, (_, lane) => lane);
    return commands.call("owners", (redis) =>
      Promise.all(
        lanes.map(async (lane) => {
          const [epoch, owner] = await redis.hmget(keys.lane(lane), "epoch", "owner");
          return { lane, epoch: Number(epoch ?? 0), owner: owner || null };
        }),
      ),
    );
  }

  async take({ lane, epoch }: LaneState, by: MemberId): Promise<Taken | null> {
    const { commands, scripts, keys } = this.#options;
    const taken = await commands.run(scripts["lane-take"], [keys.lane(lane), keys.inbound(lane)], [epoch, by]);
    if (taken === null) return null;
    const [ours, clean, position, lastId] = taken as [number, number, string, string];
    return { epoch: ours, position, lastId, clean: clean === 1, seen: await this.#seen(lane) };
  }

  /** After the take: from then on only the new owner adds to them. */
  async #seen(lane: Lane): Promise<readonly Uint8Array[]> {
    const { commands, keys } = this.#options;
    const now = this.#bucket();
    const buckets = Array.from({ length: limits.seenBuckets + 2 }, (_, i) => keys.seen(lane, now + 1 - i));
    const found = await commands.call("seen", (redis) => redis.mgetBuffer(buckets));
    return found.filter((bucket) => bucket !== null);
  }

  async release(lane: Lane, epoch: number): Promise<void> {
    const { commands, scripts, keys } = this.#options;
    await commands.run(scripts["lane-release"], [keys.lane(lane)], [epoch]);
  }

  async read(cursors: ReadonlyMap<Lane, string>, waitMs: number): Promise<readonly LaneEntry[]> {
    const { keys, readers } = this.#options;
    const lanes = [...cursors.keys()];
    const streams = await readers.read(lanes.map(keys.inbound), [...cursors.values()], { lane: lanes[0] ?? 0, waitMs });
    const laneOf = new Map(lanes.map((lane) => [keys.inbound(lane), lane]));
    return streams.flatMap(([key, entries]) =>
      entries.map(([id, fields]) => ({
        lane: laneOf.get(key) as Lane,
        id,
        loggedAtMs: Number.parseInt(id, 10),
        events: fields[1].split("\n"),
      })),
    );
  }

  async attempt(lane: Lane, epoch: number, { events, below }: Attempts): Promise<readonly number[] | null> {
    const { commands, scripts, keys } = this.#options;
    const args = [epoch, below, ...events];
    return (await commands.run(scripts["lane-attempt"], [keys.lane(lane)], args)) as readonly number[] | null;
  }

  async commit(commit: LaneCommit): Promise<"done" | "repeated"> {
    const bytes = commit.rows.reduce((sum, row) => sum + row.length, 0);
    const result = await this.#commits.call(commit, bytes);
    if (result === -1) throw new MoaError("fenced", `lane ${commit.lane} has a newer epoch than ${commit.epoch}`);
    return result === 1 ? "done" : "repeated";
  }

  async raise({ lane, epoch, row }: LaneMark): Promise<boolean> {
    const { commands, scripts, keys } = this.#options;
    return (await commands.run(scripts["lane-raise"], [keys.lane(lane), keys.rows(lane)], [epoch, row])) === 1;
  }

  async #commitAll(commits: readonly LaneCommit[]): Promise<readonly number[]> {
    const { commands, scripts, keys } = this.#options;
    const bucket = this.#bucket();
    const names = commits.flatMap(({ lane }) => [
      keys.lane(lane),
      keys.inbound(lane),
      keys.seen(lane, bucket),
      keys.rows(lane),
      keys.parked(lane),
    ]);
    const args = [limits.seenBuckets * limits.seenBucketMs, limits.parkedPerLaneMax, ...commits.flatMap(argumentsOf)];
    return (await commands.run(scripts["lane-commit"], names, args)) as number[];
  }

  #bucket(): number {
    return Math.floor(this.#options.clock.nowMs() / limits.seenBucketMs);
  }
}

/** In the order that lane-commit-n.lua documents. */
function argumentsOf({ epoch, number, position, seen, rows, counts, parked }: LaneCommit): readonly Argument[] {
  const entries: Argument[] = [];
  for (let from = 0; from < rows.length; from += ROWS_PER_ENTRY) {
    const some = rows.slice(from, from + ROWS_PER_ENTRY);
    // As bytes: beside the digests, which are bytes, ioredis would measure a text three times and copy it twice.
    entries.push(some.length, Buffer.from(some.join("\n")));
  }
  return [
    epoch,
    number,
    position ?? "",
    position === null ? "" : nextEntryId(position),
    Buffer.from(seen.join(""), "hex"),
    counts.handled ?? 0,
    counts.duplicate ?? 0,
    counts.refused ?? 0,
    counts.parked ?? 0,
    counts.expired ?? 0,
    entries.length / 2,
    parked.length,
    ...entries,
    ...parked.flatMap(({ id, event, reason }) => [id, event, reason]),
  ];
}
