/**
 * Calls of several lanes of one reach, joined: at most one script is under way per reach, and what lanes ask for
 * meanwhile shares the next one. A lane's own order and numbers are its caller's; here nothing is tried again, because
 * only the caller knows what its number means.
 */
import type { Lane } from "#common/contract/ids.ts";
import { shardOf, type Topology } from "#common/contract/lanes.ts";
import type { Clock } from "#common/kernel/clock.ts";
import { Gather } from "#common/kernel/gather.ts";
import type { Random } from "#common/kernel/random.ts";

export interface ShardCallsOptions<Item, Result> {
  readonly reach: Topology;
  readonly clock: Clock;
  readonly random: Random;
  /** Least time between the starts of two calls, ms: under load a call carries more, when idle none waits. */
  readonly gapMs: number;
  /** One result per item, in order. */
  send(items: readonly Item[]): Promise<readonly Result[]>;
}

/** A script's arguments are copied into Lua's tables at once: bounded, so that one call does not hold up the others. */
const BYTES_MAX = 1024 * 1024;

export class ShardCalls<Item extends { readonly lane: Lane }, Result> {
  readonly #reach: Topology;
  readonly #gathers: readonly Gather<Item, Result>[];

  constructor(options: ShardCallsOptions<Item, Result>) {
    this.#reach = options.reach;
    this.#gathers = Array.from({ length: options.reach.shards }, () => gatherOf(options));
  }

  /** @throws MoaError redis_unavailable: applied or not */
  call(item: Item, bytes: number): Promise<Result> {
    return (this.#gathers[shardOf(this.#reach, item.lane)] as Gather<Item, Result>).add(item, bytes);
  }
}

function gatherOf<Item, Result>(options: ShardCallsOptions<Item, Result>): Gather<Item, Result> {
  const { reach, clock, random, gapMs, send } = options;
  let sentMs = Number.NEGATIVE_INFINITY;
  return new Gather<Item, Result>({
    itemsMax: reach.lanesPerShard,
    bytesMax: BYTES_MAX,
    clock,
    random,
    once: true,
    holdMs: () => sentMs + gapMs - clock.monotonicMs(),
    send: (items) => {
      sentMs = clock.monotonicMs();
      return send(items);
    },
  });
}
