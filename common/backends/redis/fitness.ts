/**
 * Refuses to start on a Redis that would lose what moa keeps in it, or that cannot do what moa asks.
 *
 * Seen: a master that was stopped, replaced and woken goes on taking writes for ten seconds, and all of them vanish when
 * it hears of its successor. One that must see a replica within two seconds takes none.
 */
import { MoaError } from "#common/kernel/errors.ts";
import type { Log } from "#common/observe/logger.ts";
import type { Connection, ServerCalls } from "./connection.ts";

const LAG_SECONDS_MAX = 2;

export interface FitnessOptions {
  /** Sentinels or a Cluster: another server may take the master's place. */
  readonly isReplaceable: boolean;
  readonly isCluster: boolean;
  /** Only warns of a master that writes without its replicas. */
  readonly insecure: boolean;
  readonly log: Log;
}

/** @throws MoaError server_unfit, redis_unavailable */
export async function assertFit(commands: Connection, options: FitnessOptions): Promise<void> {
  for (const server of await commands.servers()) await assertServerFit(server, options);
}

async function assertServerFit(server: ServerCalls, options: FitnessOptions): Promise<void> {
  const info = await server.call("INFO", (redis) => redis.info("server", "memory", "replication", "cluster"));
  const field = (name: string) => new RegExp(`^${name}:(\\S+)`, "m").exec(info)?.[1];
  const which = server.address === "" ? "Redis" : `Redis ${server.address}`;
  const version = /^\d+/.exec(field("redis_version") ?? "")?.[0];
  if (version === undefined || Number(version) < 7) {
    throw unfit(`${which} of version ${field("redis_version") ?? "unknown"} is too old; 7.0 or newer is needed`);
  }
  const policy = field("maxmemory_policy");
  if (policy !== "noeviction") {
    throw unfit(`${which} has maxmemory-policy ${policy}, which drops data; set it to noeviction`);
  }
  if (!options.isCluster && field("cluster_enabled") === "1") {
    throw unfit(`${which} is a node of a Cluster; name it in MOA_REDIS_CLUSTER`);
  }
  const isReplaceable = options.isReplaceable || Number(field("connected_slaves")) > 0;
  if (!isReplaceable || (await waitsForReplicas(server))) return;
  const advice = `${which} acknowledges what no replica has; set min-replicas-to-write 1 and min-replicas-max-lag ${LAG_SECONDS_MAX}`;
  if (!options.insecure) throw unfit(advice);
  options.log.warn({ tag: "REDIS" }, advice);
}

/** @throws MoaError redis_unavailable */
export async function waitsForReplicas(server: ServerCalls): Promise<boolean> {
  const found = (await server.call("CONFIG", (redis) => redis.config("GET", "min-replicas-*"))) as string[];
  const value = (name: string) => Number(found[found.indexOf(name) + 1]);
  const lag = value("min-replicas-max-lag");
  return value("min-replicas-to-write") >= 1 && lag >= 1 && lag <= LAG_SECONDS_MAX;
}

function unfit(detail: string): MoaError {
  return new MoaError("server_unfit", detail);
}
