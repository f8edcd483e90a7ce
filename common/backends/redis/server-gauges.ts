/** What a pod sees of its Redis servers while it runs: settings are changed under it, and servers are replaced. */
import { type Clock, pause } from "#common/kernel/clock.ts";
import type { Log } from "#common/observe/logger.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import { REDIS_ROLES, REDIS_UNFIT } from "#common/observe/redis-metrics.ts";
import type { Connection, ServerCalls } from "./connection.ts";
import { waitsForReplicas } from "./fitness.ts";

const EVERY_MS = 10_000;

export interface ServerGaugesOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

type Unfit = (typeof REDIS_UNFIT)[number];

interface Seen {
  readonly role: string;
  readonly unfit: ReadonlySet<Unfit>;
  readonly memoryRatio: number;
  readonly skewSeconds: number;
}

export class ServerGauges {
  readonly #commands: Connection;
  readonly #options: ServerGaugesOptions;
  readonly #stop = new AbortController();

  constructor(commands: Connection, options: ServerGaugesOptions) {
    this.#commands = commands;
    this.#options = options;
  }

  start(): void {
    void this.#lookForEver();
  }

  close(): void {
    this.#stop.abort();
  }

  async #lookForEver(): Promise<void> {
    const { clock, log } = this.#options;
    while (!this.#stop.signal.aborted) {
      // That Redis is away is said by every other call.
      await this.#look().catch((error) => log.debug({ tag: "REDIS", err: error }, "servers not looked at"));
      await pause(clock, EVERY_MS, this.#stop.signal);
    }
  }

  async #look(): Promise<void> {
    const { metrics } = this.#options;
    const servers = await this.#commands.servers();
    const all = await Promise.all(servers.map((server) => this.#seen(server)));
    for (const fault of REDIS_UNFIT) {
      metrics.redisUnfitServers.set(all.filter(({ unfit }) => unfit.has(fault)).length, { fault });
    }
    for (const role of REDIS_ROLES) metrics.redisRole.set(all.filter((seen) => seen.role === role).length, { role });
    metrics.redisMemoryRatio.set(Math.max(0, ...all.map(({ memoryRatio }) => memoryRatio)));
    const skews = all.map(({ skewSeconds }) => skewSeconds).toSorted((a, b) => Math.abs(b) - Math.abs(a));
    metrics.redisClockSkewSeconds.set(skews[0] ?? 0);
  }

  async #seen(server: ServerCalls): Promise<Seen> {
    const { clock } = this.#options;
    const before = clock.nowMs();
    const info = await server.call("INFO", (redis) => redis.info("server", "memory", "persistence", "replication"));
    const askedAt = (before + clock.nowMs()) / 2;
    const field = (name: string) => new RegExp(`^${name}:(\\S+)`, "m").exec(info)?.[1] ?? "";
    const unfit = new Set<Unfit>();
    if (field("maxmemory_policy") !== "noeviction") unfit.add("eviction");
    if (field("aof_enabled") !== "1") unfit.add("persistence");
    if (Number(field("connected_slaves")) > 0 && !(await waitsForReplicas(server))) unfit.add("replicas");
    const most = Number(field("maxmemory"));
    const memoryRatio = most === 0 ? 0 : Number(field("used_memory")) / most;
    return {
      role: field("role"),
      unfit,
      memoryRatio,
      skewSeconds: (Number(field("server_time_usec")) / 1_000 - askedAt) / 1_000,
    };
  }
}
