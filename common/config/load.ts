/**
 * Settings of a pod, from every source (sources.ts). Either a frozen object or one error that lists every fault: an
 * operator mends all of them at once.
 */
import { createHash } from "node:crypto";
import convict from "convict";
import { MoaError } from "../kernel/errors.ts";
import type { Gathered, Given } from "./given.ts";
import { type Setting, settingsSchema } from "./schema.ts";
import { type ConfigSources, gather, usageFor } from "./sources.ts";

export type Config = { readonly [K in Setting]: (typeof settingsSchema)[K]["default"] };

export interface SettingShown {
  readonly setting: Setting;
  readonly variable: string;
  /** As it could be given again, but for secrets: of these only where they lead to. */
  readonly value: string;
  readonly from: Given["from"];
  /** The name under which a person gave it, or what chose the default. */
  readonly as: string;
}

const LOOPBACK = /^(127[.]\d+[.]\d+[.]\d+|::1|::ffff:127[.]\d+[.]\d+[.]\d+|localhost)$/i;

/** @throws MoaError config_invalid, one line per fault; values of secrets are never part of it */
export function loadConfig(sources: ConfigSources): Config {
  return settled(gather(sources));
}

/** Differs between pods of a sound deployment. */
const OWN: ReadonlySet<Setting> = new Set(["podName", "host", "bridgePort", "opsPort", "tlsPort"]);
/** As many as a metric's value shows exactly. */
const HASH_BYTES = 6;

/** A number by which pods see whether they have the same settings. Secrets are left out: it must not tell of them. */
export function configHash(config: Config): number {
  const settings = (Object.keys(settingsSchema) as Setting[]).filter((one) => !isSensitive(one) && !OWN.has(one));
  const text = JSON.stringify(settings.map((setting) => [setting, config[setting]]));
  return createHash("sha256").update(text).digest().readUIntBE(0, HASH_BYTES);
}

/** Every setting, for a person who wonders why. @throws MoaError config_invalid as loadConfig does */
export function describeConfig(sources: ConfigSources): readonly SettingShown[] {
  const gathered = gather(sources);
  const config = settled(gathered);
  return (Object.keys(settingsSchema) as Setting[]).map((setting) => {
    const { from, as } = gathered.given.get(setting) ?? { from: "default" as const, as: "" };
    return { setting, variable: settingsSchema[setting].env, value: shown(setting, config[setting]), from, as };
  });
}

function settled({ given, faults }: Gathered): Config {
  const values: Partial<Record<Setting, unknown>> = {};
  for (const [setting, one] of given) {
    const value = readable(setting, one.value);
    const fault = faultOf(setting, value);
    if (fault === undefined) values[setting] = value;
    else faults.push(`${one.as}: ${fault}. ${settingsSchema[setting].doc}${usageFor(one)}`);
  }
  const all = convict<Record<string, unknown>>(settingsSchema, { env: {}, args: [] }).load(values).getProperties();
  const config = deepFrozen(all) as unknown as Config;
  faults.push(...contradictions(config), ...redisContradictions(config, new Set(given.keys())));
  if (faults.length > 0) throw new MoaError("config_invalid", faults.map((fault) => `\n  ${fault}`).join(""));
  return config;
}

/** What no setting shows alone. */
function contradictions(config: Config): string[] {
  const { host, approval, hmac } = config;
  const found: string[] = [];
  if ((config.tlsCertFile === "") !== (config.tlsKeyFile === "")) {
    found.push("MOA_TLS_CERT_FILE and MOA_TLS_KEY_FILE: one says nothing without the other");
  }
  if (config.insecure || LOOPBACK.test(host)) return found;
  const way = `while others reach ${host} (MOA_HOST, --host): listen on 127.0.0.1, or say --insecure`;
  if (approval === "auto") found.push(`MOA_APPROVAL: auto lets everybody in ${way}`);
  if (hmac === "warn") found.push(`MOA_HMAC: warn believes unsigned lines ${way}`);
  if (config.hmacKeys.some(({ bot, require }) => bot === "*" && require === false)) {
    found.push(`MOA_HMAC_KEYS: "require": false for every bot believes unsigned lines ${way}`);
  }
  return found;
}

/** One way to Redis, and nothing said that this way has no use for. */
function redisContradictions(config: Config, given: ReadonlySet<Setting>): string[] {
  const { redisSentinels, redisCluster, redisTls, redisUrl, redisCaFile } = config;
  const ways = ["redisUrl", "redisSentinels", "redisCluster"] as const;
  const named = ways.filter((way) => given.has(way) && config[way].length > 0);
  if (named.length > 1) return [`${variablesOf(named)}: name one way to Redis`];
  const access: readonly Setting[] = ["redisUser", "redisPassword", "redisTls"];
  const bySentinel: readonly Setting[] = ["redisMaster", "redisSentinelPassword"];
  const isSingle = redisSentinels.length === 0 && redisCluster.length === 0;
  const found: string[] = [];
  const vain = (settings: readonly Setting[]) =>
    settings.filter((setting) => config[setting] !== settingsSchema[setting].default);
  if (isSingle && vain(access).length > 0) found.push(`${variablesOf(vain(access))}: a single Redis has it in its URL`);
  if (redisSentinels.length === 0 && vain(bySentinel).length > 0) {
    found.push(`${variablesOf(vain(bySentinel))}: says nothing without MOA_REDIS_SENTINELS`);
  }
  if (redisCaFile !== "" && !redisTls && !(isSingle && redisUrl.startsWith("rediss:"))) {
    found.push("MOA_REDIS_CA_FILE: says nothing without TLS (rediss:// or MOA_REDIS_TLS)");
  }
  return found;
}

function variablesOf(settings: readonly Setting[]): string {
  return settings.map((setting) => settingsSchema[setting].env).join(" and ");
}

/**
 * convict reads "12abc" as 12 and does not convert at all for formats that are functions: so we do, strictly. An object
 * in a JSON file is as good as its text in a variable.
 */
function readable(setting: Setting, value: unknown): unknown {
  if (typeof value === "object" && !Array.isArray(value)) return JSON.stringify(value);
  const isNumeric = typeof value === "string" && /^-?\d+(\.\d+)?$/.test(value);
  return isNumeric && typeof settingsSchema[setting].default === "number" ? Number(value) : value;
}

/** Asks convict about one setting alone, so that its fault can be told under the name that the person used. */
function faultOf(setting: Setting, value: unknown): string | undefined {
  if (typeof settingsSchema[setting].default === "number" && typeof value !== "number") return "must be a number";
  try {
    convict<Record<string, unknown>>({ [setting]: settingsSchema[setting] }, { env: {}, args: [] })
      .load({ [setting]: value })
      .validate();
    return undefined;
  } catch (error) {
    return (error as Error).message.replace(`${setting}: `, "");
  }
}

function shown(setting: Setting, value: unknown): string {
  const text = Array.isArray(value) && !isSensitive(setting) ? value.join(",") : String(value);
  if (text === "" || !isSensitive(setting)) return text;
  if (!URL.canParse(text)) return "***";
  const url = new URL(text);
  if (url.password !== "") url.password = "***";
  url.search = "";
  return url.href;
}

function isSensitive(setting: Setting): boolean {
  return "sensitive" in settingsSchema[setting];
}

function deepFrozen<T>(value: T): T {
  if (typeof value === "object" && value !== null) Object.values(value).forEach(deepFrozen);
  return Object.freeze(value);
}
