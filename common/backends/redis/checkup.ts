/** What an operator should know of the Redis behind a pod; what would stop a start is in fitness.ts. */
import type { Clock } from "#common/kernel/clock.ts";
import type { Checkup, Finding } from "#common/ports/checkup.ts";
import type { Connection, ServerCalls } from "./connection.ts";

const SKEW_MS_MAX = 1_000;
const MEMORY_SHARE_MAX = 0.8;

export class RedisCheckup implements Checkup {
  readonly #commands: Connection;
  readonly #clock: Clock;

  constructor(commands: Connection, clock: Clock) {
    this.#commands = commands;
    this.#clock = clock;
  }

  async checkup(): Promise<readonly Finding[]> {
    try {
      const servers = await this.#commands.servers();
      return (await Promise.all(servers.map((server) => this.#checkupOf(server)))).flat();
    } catch (error) {
      const advice = "Is redis-server running, and MOA_REDIS_* right? Pods hold their sockets until it is back.";
      return [{ check: "redis", verdict: "bad", found: (error as Error).message, advice }];
    }
  }

  async #checkupOf(server: ServerCalls): Promise<readonly Finding[]> {
    const info = await server.call("INFO", (redis) => redis.info());
    const field = (name: string) => new RegExp(`^${name}:(\\S+)`, "m").exec(info)?.[1] ?? "";
    const skewMs = await this.#skewMs(server);
    const refusal = await refusalOf(server);
    const findings: readonly Finding[] = [
      { check: "redis", verdict: "good", found: `version ${field("redis_version")}`, advice: "" },
      writes(refusal),
      policy(field("maxmemory_policy")),
      memory(Number(field("used_memory")), Number(field("maxmemory"))),
      kept(field("aof_enabled") === "1"),
      skew(skewMs),
    ];
    if (server.address === "") return findings;
    return findings.map((finding) => ({
      ...finding,
      check: finding.check.replace("redis", `redis ${server.address}`),
    }));
  }

  /** Redis' clock against ours, halfway of the call. */
  async #skewMs(server: ServerCalls): Promise<number> {
    const before = this.#clock.nowMs();
    const [seconds, micros] = await server.call("TIME", (redis) => redis.time());
    return Number(seconds) * 1_000 + Number(micros) / 1_000 - (before + this.#clock.nowMs()) / 2;
  }
}

/**
 * Why it takes no writes; empty when it does. Before a script that may write is run, Redis looks whether it would take one:
 * memory, disk, replicas. This one asks for no key and writes nothing.
 */
async function refusalOf(server: ServerCalls): Promise<string> {
  try {
    await server.call("EVAL", (redis) => redis.eval("#!lua\nreturn 1", 0));
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}

function writes(refusal: string): Finding {
  const check = "redis writes";
  if (refusal === "") return { check, verdict: "good", found: "taken", advice: "" };
  const advice =
    "NOREPLICAS: bring a replica back; OOM: raise maxmemory; MISCONF: its disk; READONLY: it is a replica.";
  return { check, verdict: "bad", found: refusal, advice };
}

function policy(found: string): Finding {
  const check = "redis eviction policy";
  if (found === "noeviction") return { check, verdict: "good", found, advice: "" };
  const advice = "Redis drops data when it is full: CONFIG SET maxmemory-policy noeviction, and in its file.";
  return { check, verdict: "bad", found, advice };
}

function memory(used: number, most: number): Finding {
  const check = "redis memory";
  const found = `${mib(used)} of ${most === 0 ? "any" : mib(most)}`;
  if (most === 0 || used < most * MEMORY_SHARE_MAX) return { check, verdict: "good", found, advice: "" };
  const advice = "When it is full, nothing is appended: raise maxmemory, or find what grows with `moa lanes`.";
  return { check, verdict: "odd", found, advice };
}

function kept(isKept: boolean): Finding {
  const check = "redis persistence";
  if (isKept) return { check, verdict: "good", found: "append-only file", advice: "" };
  const advice = "What Redis acknowledged is lost when it restarts: CONFIG SET appendonly yes, and in its file.";
  return { check, verdict: "odd", found: "no append-only file", advice };
}

function skew(ms: number): Finding {
  const check = "redis clock";
  const found = `${ms.toFixed(0)} ms from this pod's`;
  if (Math.abs(ms) < SKEW_MS_MAX) return { check, verdict: "good", found, advice: "" };
  return { check, verdict: "bad", found, advice: "Answers expire by these clocks: run NTP on both machines." };
}

function mib(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(0)} MiB`;
}
