/** Where Redis is and how one gets in: a single server, a master that Sentinels know, or a Cluster. */
import { readFileSync } from "node:fs";
import { Cluster, Redis, type RedisOptions } from "ioredis";
import type { Config } from "#common/config/load.ts";
import { limits } from "#common/contract/limits.ts";
import { MoaError } from "#common/kernel/errors.ts";

/** Without the option that changes the driver's type. */
export type DriverOptions = Omit<RedisOptions, "replyMapping">;

/** Texts are empty where there is none. */
interface Access {
  readonly user: string;
  readonly password: string;
  readonly tls: boolean;
  /** PEM. */
  readonly ca: string;
}

export interface SinglePlace {
  readonly url: string;
  /** PEM, for rediss:// with an authority of one's own. */
  readonly ca?: string;
}

export interface SentinelPlace extends Access {
  /** As host:port. */
  readonly sentinels: readonly string[];
  /** What they call the master. */
  readonly master: string;
  readonly sentinelPassword: string;
}

export interface ClusterPlace extends Access {
  /** Some of its nodes, as host:port; the others are asked of them. */
  readonly cluster: readonly string[];
}

export type RedisPlace = SinglePlace | SentinelPlace | ClusterPlace;

type RedisSettings =
  | "redisUrl"
  | "redisSentinels"
  | "redisMaster"
  | "redisSentinelPassword"
  | "redisCluster"
  | "redisUser"
  | "redisPassword"
  | "redisTls"
  | "redisCaFile";

/** Reads the file of the authorities. @throws MoaError config_invalid when that fails */
export function placeOf(config: Pick<Config, RedisSettings>): RedisPlace {
  const ca = config.redisCaFile === "" ? "" : authoritiesOf(config.redisCaFile);
  const access = { user: config.redisUser, password: config.redisPassword, tls: config.redisTls, ca };
  if (config.redisCluster.length > 0) return { cluster: config.redisCluster, ...access };
  if (config.redisSentinels.length === 0) return { url: config.redisUrl, ca };
  const sentinelPassword = config.redisSentinelPassword;
  return { sentinels: config.redisSentinels, master: config.redisMaster, sentinelPassword, ...access };
}

/** To the single server, or to whatever the Sentinels call the master at that time. */
export function dial(place: SinglePlace | SentinelPlace, options: DriverOptions): Redis {
  if ("url" in place) return new Redis(place.url, place.ca ? { ...options, tls: { ca: place.ca } } : options);
  const { sentinels, master, sentinelPassword, tls, ca } = place;
  return new Redis({
    ...options,
    ...accessOf(place),
    sentinels: sentinels.map(hostAndPort),
    name: master,
    ...(sentinelPassword === "" ? {} : { sentinelPassword }),
    ...(tls ? { sentinelTLS: authorities(ca), enableTLSForSentinelMode: true } : {}),
    // A Sentinel that accepts and says nothing would be waited for without end.
    sentinelCommandTimeout: limits.sentinelMsMax,
    // Never null: ioredis would give up for good when no Sentinel was there once.
    sentinelRetryStrategy: (attempt) => Math.min(attempt * 50, 1_000),
  });
}

export function dialSentinel(
  { sentinelPassword, tls, ca }: SentinelPlace,
  address: string,
  options: DriverOptions,
): Redis {
  const password = sentinelPassword === "" ? {} : { password: sentinelPassword };
  return new Redis({ ...options, ...password, ...(tls ? { tls: authorities(ca) } : {}), ...hostAndPort(address) });
}

/** To one node of a Cluster. */
export function dialNode(place: ClusterPlace, address: string, options: DriverOptions): Redis {
  return new Redis({ ...options, ...accessOf(place), ...hostAndPort(address) });
}

/** To all of a Cluster, by ioredis' own rules: see cluster-connection.ts for why that is for BullMQ only. */
export function dialCluster(
  place: ClusterPlace,
  options: DriverOptions,
  retryMs: (attempt: number) => number,
): Cluster {
  return new Cluster(place.cluster.map(hostAndPort), {
    clusterRetryStrategy: retryMs,
    slotsRefreshTimeout: limits.clusterAskMsMax,
    redisOptions: { ...options, ...accessOf(place) },
  });
}

function accessOf({ user, password, tls, ca }: Access): DriverOptions {
  return {
    ...(user === "" ? {} : { username: user }),
    ...(password === "" ? {} : { password }),
    ...(tls ? { tls: authorities(ca) } : {}),
  };
}

function authorities(ca: string): { readonly ca?: string } {
  return ca === "" ? {} : { ca };
}

/** Of `host:port`, where the host of IPv6 may stand in brackets. */
function hostAndPort(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(":");
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(address.slice(colon + 1)) };
}

function authoritiesOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new MoaError("config_invalid", `MOA_REDIS_CA_FILE: ${file} cannot be read`, { cause });
  }
}
