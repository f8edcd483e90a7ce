/**
 * Redis as each topology has it, on this machine. Where there is one Redis, each pod has a fault proxy of its own in front
 * of it; Sentinel and Cluster tell their clients addresses, so that no proxy can stand there.
 */
import { join } from "node:path";
import { Redis } from "ioredis";
import type { Child } from "#scripts/stack/child.ts";
import { freePort } from "#scripts/stack/free-port.ts";
import { redisServer, redisUrlOf } from "#scripts/stack/redis.ts";
import { RedisCluster } from "#scripts/stack/redis-cluster.ts";
import { RedisWithSentinels, WAITING_FOR_REPLICAS } from "#scripts/stack/redis-sentinel.ts";

export type Topology = "single" | "sentinel" | "cluster";
export const TOPOLOGIES: readonly Topology[] = ["single", "sentinel", "cluster"];

export interface Node {
  readonly child: Child;
  readonly port: number;
}

export interface Servers {
  /** Where there is one Redis: its port and directory. */
  readonly single: { readonly port: number; readonly dir: string } | undefined;
  /** Those with data. */
  readonly nodes: readonly Node[];
  /** How pods find it; not what a pod with a proxy is told. */
  readonly env: Readonly<Record<string, string>>;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Resolves when each node that should have a replica has one. */
  untilWhole(): Promise<void>;
}

/** Makes directories; starts nothing. */
export async function serversOf(topology: Topology, dir: string): Promise<Servers> {
  if (topology === "single") return single(dir);
  const setup = { dir: join(dir, "redis"), settings: WAITING_FOR_REPLICAS };
  const several = topology === "sentinel" ? await RedisWithSentinels.prepare(setup) : await RedisCluster.prepare(setup);
  const addresses = several.addresses.join();
  return {
    single: undefined,
    nodes: several.nodes,
    env:
      several instanceof RedisWithSentinels
        ? { MOA_REDIS_SENTINELS: addresses, MOA_REDIS_MASTER: several.master }
        : { MOA_REDIS_CLUSTER: addresses },
    start: () => several.start(),
    stop: () => several.stop(),
    untilWhole: () => several.untilWhole(),
  };
}

async function single(dir: string): Promise<Servers> {
  const place = { dir: join(dir, "redis"), port: await freePort(), logFile: join(dir, "logs", "redis.log") };
  const child = redisServer(place);
  return {
    single: place,
    nodes: [{ child, port: place.port }],
    env: { MOA_REDIS_URL: redisUrlOf(place.port) },
    start: () => child.start(),
    stop: () => child.stop(),
    untilWhole: async () => {},
  };
}

/** On a connection of its own. @throws Error of ioredis */
export async function asked<T>(port: number, ask: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis({
    ...{ port, host: "127.0.0.1", lazyConnect: true },
    ...{ retryStrategy: () => null, commandTimeout: 2_000, connectTimeout: 2_000 },
  });
  redis.on("error", () => {});
  try {
    await redis.connect();
    return await ask(redis);
  } finally {
    redis.disconnect();
  }
}
