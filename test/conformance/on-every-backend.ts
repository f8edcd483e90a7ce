/** The same laws for every backend: each test gets a fresh store, and as many pods on it as it asks for. */
import { afterEach, beforeEach, describe, inject } from "vitest";
import type { Backends } from "#common/backends/backends.ts";
import { memoryBackends, memoryStore } from "#common/backends/memory/backends.ts";
import { redisBackends } from "#common/backends/redis/backends.ts";
import type { RedisPlace } from "#common/backends/redis/place.ts";
import { systemClock } from "#common/backends/system/clock.ts";
import { systemRandom } from "#common/backends/system/random.ts";
import { type Keys, keysFor } from "#common/contract/keys.ts";
import { createLogger } from "#common/observe/logger.ts";
import { createMetrics, type Metrics } from "#common/observe/metrics.ts";
import type { Checkup } from "#common/ports/checkup.ts";
import { REDIS_KINDS } from "#test/fixtures/redis-kinds.ts";

export const topology = { shards: 2, lanesPerShard: 2, tags: 2 };
export const laneBacklogMax = 100;
const clock = systemClock();
const random = systemRandom();

export interface Rig {
  pod(): Promise<Backends>;
}

export function onEveryBackend(laws: (rig: Rig) => void): void {
  describe("memory", () => laws(memoryRig()));
  describe.each(REDIS_KINDS)("redis: %s", (kind) => {
    laws(rigOf(() => redisPods(inject("redis")[kind])));
  });
}

/** A maker of pods that share one key space, a fresh one by default. */
export function redisPods(
  place: RedisPlace,
  keys: Keys = freshKeys(),
  { metrics, backlogMax = laneBacklogMax }: { metrics: Metrics; backlogMax?: number } = createMetrics(false),
): () => Backends & { readonly checkup: Checkup } {
  const options = { ...toolsOfTests(), keys, topology, laneBacklogMax: backlogMax, metrics };
  // Failovers leave a master alone with nobody to wait for; server.redis.test.ts shows that this is refused otherwise.
  return () => redisBackends({ ...place, ...options, insecure: true });
}

export function toolsOfTests() {
  return { clock, random, metrics: createMetrics(false).metrics, log: createLogger("test", "silent") };
}

export function freshKeys(): Keys {
  return keysFor(topology, `test-${random.hex(4)}:`);
}

function memoryRig(): Rig {
  return rigOf(() => {
    const store = memoryStore({ topology, clock, random, laneBacklogMax });
    return () => memoryBackends(store);
  });
}

function rigOf(fresh: () => () => Backends): Rig {
  let make: () => Backends;
  let open: Backends[] = [];
  beforeEach(() => {
    make = fresh();
  });
  afterEach(async () => {
    await Promise.all(open.map((pod) => pod.close()));
    open = [];
  });
  return {
    pod: async () => {
      const pod = make();
      open.push(pod);
      await pod.start();
      return pod;
    },
  };
}

/** Looks again every few ms until it holds; fails with the last reason after the deadline. */
export async function eventually(claim: () => Promise<void> | void, msMax = 5_000): Promise<void> {
  const untilMs = clock.monotonicMs() + msMax;
  for (;;) {
    try {
      return await claim();
    } catch (error) {
      if (clock.monotonicMs() > untilMs) throw error;
      await new Promise((resolve) => clock.after(20, () => resolve(undefined)));
    }
  }
}
