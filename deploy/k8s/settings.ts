/**
 * Which settings a deployment may give as values: all of the pods' own, but for secrets, which come from a Secret, and
 * those that the manifests themselves depend on.
 */
import { settingsSchema } from "#common/config/schema.ts";
import type { JsonSchema } from "./value-shapes.ts";

/** Given by the manifests: where to listen, and the pod's name. */
export const FIXED: readonly string[] = [
  settingsSchema.host.env,
  settingsSchema.podName.env,
  settingsSchema.bridgePort.env,
  settingsSchema.tlsPort.env,
  settingsSchema.opsPort.env,
];

/** Those of the topology are said although they are the pods' own defaults: the most workers depend on them. */
export const DEFAULT_SETTINGS: Record<string, string> = {
  [settingsSchema.approval.env]: "operator",
  [settingsSchema.hmac.env]: "require",
  [settingsSchema.shards.env]: `${settingsSchema.shards.default}`,
  [settingsSchema.lanesPerShard.env]: `${settingsSchema.lanesPerShard.default}`,
  [settingsSchema.outboxTags.env]: `${settingsSchema.outboxTags.default}`,
};

interface Setting {
  readonly doc: string;
  readonly env: string;
  readonly default: unknown;
  readonly sensitive?: boolean;
}

const all: readonly Setting[] = Object.values(settingsSchema);

export const secretSettings: readonly string[] = all.filter(({ sensitive }) => sensitive).map(({ env }) => env);

export function settingsShape(): JsonSchema & { readonly type: "object" } {
  const plain = all.filter(({ env, sensitive }) => sensitive !== true && !FIXED.includes(env));
  const properties = plain.map(({ env, doc, default: value }) => [
    env,
    { type: "string", description: doc, ...rangeOf(value) },
  ]);
  return { type: "object", additionalProperties: false, properties: Object.fromEntries(properties) };
}

/** Text, as all that comes by the environment; what it must look like is for the pod to say. */
function rangeOf(value: unknown): JsonSchema {
  if (typeof value === "number") return { pattern: "^[0-9]+([.][0-9]+)?$" };
  return typeof value === "boolean" ? { enum: ["true", "false"] } : {};
}
