/**
 * Calls of several lanes of one shard, joined: at most one script is under way per shard, and what lanes ask for
 * meanwhile shares the next one. A lane's own order and numbers are its caller's; here nothing is tried again, because
 * only the caller knows what its number means.
 */
import type { Lane } from "#common/contract/ids.ts";
import { shardOf, type Topology } from "#common/contract/lanes.ts";
import type { Clock } from "#common/kernel/clock.ts";
import { Gather } from "#common/kernel/gather.ts";
import type { Random } from "#common/kernel/random.ts";

export interface ShardCallsOptions<Item, Result> {
  readonly topology: Topology;
  readonly clock: Clock;
  readonly random: Random;
  /** One result per item, in order. */
  send(items: readonly Item[]): Promise<readonly Result[]>;
}

/** A script's arguments are copied into Lua's tables at once: bounded, so that one call does not hold up the others. */
const BYTES_MAX = 1024 * 1024;

export class ShardCalls<Item extends { readonly lane: Lane }, Result> {
  readonly #topology: Topology;
  readonly #gathers: readonly Gather<Item, Result>[];

  constructor({ topology, clock, random, send }: ShardCallsOptions<Item, Result>) {
    this.#topology = topology;
    const itemsMax = topology.lanesPerShard;
    this.#gathers = Array.from(
      { length: topology.shards },
      () => new Gather<Item, Result>({ itemsMax, bytesMax: BYTES_MAX, clock, random, once: true, send }),
    );
  }

  /** @throws MoaError redis_unavailable: applied or not */
  call(item: Item, bytes: number): Promise<Result> {
    return (this.#gathers[shardOf(this.#topology, item.lane)] as Gather<Item, Result>).add(item, bytes);
  }
}
