/** What a running `npm start` says about itself in its data directory; the environment overrides it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Config, loadConfig } from "#common/config/load.ts";

export interface StackRecord {
  readonly host: string;
  /** Of every gateway's bridge. */
  readonly ports: readonly number[];
  /** Null unless both databases are known: then nothing can be said about what happened behind the gateways. */
  readonly config: Config | null;
}

interface Written {
  readonly host?: string;
  readonly redisUrl?: string;
  readonly mysqlUrl?: string;
  readonly keyPrefix?: string;
  readonly ports?: { readonly bridge?: number; readonly bridges?: readonly number[] };
}

/** @throws MoaError config_invalid */
export function readStackRecord(env: Readonly<Record<string, string | undefined>>): StackRecord {
  const written = readWritten(join(env.MOA_DATA_DIR || ".data", "stack.json"));
  const { bridge = Number(env.MOA_BRIDGE_PORT || 1490), bridges = [bridge] } = written.ports ?? {};
  const isElsewhere = env.MOA_REDIS_SENTINELS || env.MOA_REDIS_CLUSTER;
  const redisUrl = env.MOA_REDIS_URL || (isElsewhere ? "" : written.redisUrl);
  const mysqlUrl = env.MOA_MYSQL_URL || written.mysqlUrl;
  const keyPrefix = env.MOA_KEY_PREFIX || written.keyPrefix;
  const isRedisKnown = Boolean(redisUrl || isElsewhere);
  const known = isRedisKnown && mysqlUrl !== undefined;
  const given = { ...env, MOA_REDIS_URL: redisUrl, MOA_MYSQL_URL: mysqlUrl, MOA_KEY_PREFIX: keyPrefix };
  return {
    host: written.host ?? "127.0.0.1",
    ports: bridges,
    config: known ? loadConfig({ env: given, argv: [] }) : null,
  };
}

/** No file, or one of a stack that is just starting, is as good as none. */
function readWritten(path: string): Written {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Written;
  } catch {
    return {};
  }
}
