/** What objects are called, and where pods listen: the same words in every manifest that points at another. */
import { settingsSchema } from "#common/config/schema.ts";

export const names = {
  gateway: "moa-gateway",
  workers: "moa-workers",
  migrate: "moa-migrate",
  console: "moa-console",
  config: "moa-config",
  /** Every pod by its address, also one that is not ready: for operators, not for phones. */
  pods: "moa-pods",
} as const;

export type Workload = (typeof names)["gateway" | "workers" | "migrate" | "console"];

export const ports = {
  bridge: settingsSchema.bridgePort.default,
  tls: settingsSchema.tlsPort.default,
  ops: settingsSchema.opsPort.default,
} as const;

export const PART_OF = { "app.kubernetes.io/part-of": "moa" };

export function labelsOf(name: string): Record<string, string> {
  return { "app.kubernetes.io/name": name, ...PART_OF };
}

export function selectorOf(name: Workload): Record<string, string> {
  return { "app.kubernetes.io/name": name };
}
