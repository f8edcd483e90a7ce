import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { limits } from "#common/contract/limits.ts";
import { Child } from "./child.ts";
import { nodeFlagsOf } from "./node-flags.ts";

export type Ports = Readonly<Record<string, number>>;

export interface Pod {
  readonly child: Child;
  /** What the pod said when it was ready: `bridge` of gateways, `ops` of all. Kept over restarts. */
  readonly ports: Ports;
}

export interface PodSpec {
  readonly name: string;
  /** Path of its main.ts. */
  readonly main: string;
  readonly env: NodeJS.ProcessEnv;
  readonly logFile: string;
}

/** Nobody operates a stack on one's own machine, and its phones may have no keys. Settings of the pods beat these. */
export const DEVELOPMENT = { MOA_APPROVAL: "auto", MOA_HMAC: "warn" } as const;

/** A pod that gets its first ports again when it is started again: phones dial the old one. */
export function podOf({ name, main, env, logFile }: PodSpec): Pod {
  let ports: Ports = {};
  const child = new Child({
    name,
    command: process.execPath,
    args: [...nodeFlagsOf(main), main],
    env: () => ({
      ...DEVELOPMENT,
      ...env,
      MOA_POD_NAME: name,
      ...(ports.bridge === undefined ? {} : { MOA_BRIDGE_PORT: `${ports.bridge}` }),
      ...(ports.ops === undefined ? {} : { MOA_OPS_PORT: `${ports.ops}` }),
    }),
    logFile,
    ready: async (process, signal) => {
      ports = await portsSaid(process, signal);
    },
    readyMsMax: 30_000,
    stopMsMax: limits.drainMsMax + 10_000,
  });
  return {
    child,
    get ports() {
      return ports;
    },
  };
}

async function portsSaid(process: ChildProcess, signal: AbortSignal): Promise<Ports> {
  for (;;) {
    const [said] = (await once(process, "message", { signal })) as [{ ready?: boolean; ports?: Ports }];
    if (said.ready === true) return said.ports ?? {};
  }
}
