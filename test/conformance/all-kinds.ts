/** Starts each kind of Redis once for the whole suite: a Cluster takes two seconds to be whole. */
import type { TestProject } from "vitest/node";
import type { RedisPlace } from "#common/backends/redis/place.ts";
import { REDIS_KINDS, type RedisKind, startRedisOf } from "#test/fixtures/redis-kinds.ts";

declare module "vitest" {
  interface ProvidedContext {
    redis: Readonly<Record<RedisKind, RedisPlace>>;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const [single, sentinel, cluster] = await Promise.all(REDIS_KINDS.map(startRedisOf));
  if (!single || !sentinel || !cluster) throw new Error("a kind of Redis is missing");
  project.provide("redis", { single: single.place, sentinel: sentinel.place, cluster: cluster.place });
  return async () => {
    await Promise.all([single, sentinel, cluster].map((one) => one.stop()));
  };
}
