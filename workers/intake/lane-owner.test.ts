import { beforeEach, describe, expect, it } from "vitest";
import { memoryBackends, memoryStore } from "#common/backends/memory/backends.ts";
import { shardOf } from "#common/contract/lanes.ts";
import { limits } from "#common/contract/limits.ts";
import { MoaError } from "#common/kernel/errors.ts";
import { seededRandom } from "#common/kernel/random.ts";
import { createLogger } from "#common/observe/logger.ts";
import { createMetrics } from "#common/observe/metrics.ts";
import { FakeClock } from "#test/fixtures/fake-clock.ts";
import type { Tools } from "#workers/pipeline/work.ts";
import { LaneOwner } from "./lane-owner.ts";

const topology = { shards: 2, lanesPerShard: 2, tags: 1 };
const ALL = [0, 1, 2, 3];

/** A worker alone, of whose lanes nothing is said. */
async function alone() {
  const clock = new FakeClock();
  const random = seededRandom(7);
  const { lanes, membership } = memoryBackends(memoryStore({ topology, clock, random, laneBacklogMax: 100 }));
  const { metrics } = createMetrics(false);
  const raises = { asked: 0, isAway: false, gate: Promise.resolve() };
  const taking = { gate: Promise.resolve() };
  const owner = new LaneOwner({
    shards: topology.shards,
    shardOf: (lane) => shardOf(topology, lane),
    reader: {
      ...{ read: () => new Promise<never>(() => {}), owners: () => lanes.owners() },
      take: async (state, by) => {
        await taking.gate;
        return lanes.take(state, by);
      },
    } as Partial<typeof lanes> as typeof lanes,
    membership,
    tools: { clock, random, metrics, log: createLogger("test", "silent") } as Partial<Tools> as Tools,
    member: () => "w.1",
    raise: async () => {
      raises.asked++;
      await raises.gate;
      if (raises.isAway) throw new MoaError("mysql_unavailable", "away");
    },
  });
  await membership.join("worker", "w.1");
  const renew = () => {
    void membership.renew("worker", "w.1");
    clock.after(limits.lifeRenewEveryMs, renew);
  };
  renew();
  owner.start();
  await clock.settle();
  const epochs = async () => (await lanes.owners()).map(({ epoch }) => epoch);
  const check = () => clock.advance(limits.laneCheckEveryMs);
  return { clock, owner, raises, taking, epochs, check };
}

let at: Awaited<ReturnType<typeof alone>>;
beforeEach(async () => {
  at = await alone();
});

const owned = () => at.owner.lanes.toSorted();
const ofShard = (shard: number) => ALL.filter((lane) => shardOf(topology, lane) === shard);

describe("after a loss of Redis", () => {
  it("the lanes of its shards are dropped at once, and taken again under new epochs; the others stay", async () => {
    expect(owned()).toEqual(ALL);
    const before = await at.epochs();
    at.owner.lost([1]);
    expect(owned()).toEqual(ofShard(0));
    await at.check();
    expect(owned()).toEqual(ALL);
    const after = await at.epochs();
    expect(ALL.filter((lane) => after[lane] !== before[lane])).toEqual(ofShard(1));
  });

  it("nothing is taken before what Redis numbers was raised above what MySQL knows, however often that is tried", async () => {
    at.raises.isAway = true;
    at.owner.lost([0, 1]);
    await at.clock.advance(10 * limits.laneCheckEveryMs);
    expect([owned(), at.raises.asked > 2]).toEqual([[], true]);
    at.raises.isAway = false;
    await at.clock.advance(10 * limits.laneCheckEveryMs);
    expect(owned()).toEqual(ALL);
  });

  it("they are raised once for each loss, and again when another comes meanwhile", async () => {
    await at.check();
    expect(at.raises.asked).toBe(0);
    const first = Promise.withResolvers<void>();
    at.raises.gate = first.promise;
    at.owner.lost([0, 1]);
    await at.check();
    at.owner.lost([0, 1]);
    at.raises.gate = Promise.resolve();
    first.resolve();
    await at.clock.advance(4 * limits.laneCheckEveryMs);
    expect([owned(), at.raises.asked]).toEqual([ALL, 2]);
  });

  it("a take that was under way counts for nothing", async () => {
    at.owner.lost([0, 1]);
    const answer = Promise.withResolvers<void>();
    at.taking.gate = answer.promise;
    await at.check();
    at.raises.isAway = true;
    at.owner.lost([0, 1]);
    answer.resolve();
    await at.clock.settle();
    expect(owned()).toEqual([]);
  });

  it("of no shard nothing happens", async () => {
    at.owner.lost([]);
    expect(owned()).toEqual(ALL);
    await at.check();
    expect(at.raises.asked).toBe(0);
  });
});
