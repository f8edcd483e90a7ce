/** stack.json: where a running stack is, for the tools that speak to it (chat, fleet). It holds passwords: mode 600. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Stack } from "./stack.ts";

export interface StackState {
  /** Where a phone on this machine finds the bridges. */
  readonly host: string;
  readonly redisUrl: string;
  readonly mysqlUrl: string;
  readonly keyPrefix: string;
  readonly ports: { readonly bridge: number; readonly bridges: readonly number[]; readonly ops: number };
  /** Of every pod, as MOA_OPS_URL wants them, comma separated. */
  readonly opsUrl: string;
  /** By part: redis, mariadb, gateway-1, worker-1, ... */
  readonly pids: Readonly<Record<string, number>>;
}

export function stateOf(stack: Stack, host: string, keyPrefix: string): StackState {
  const { redisUrl, mysqlUrl, gateways, workers, children } = stack;
  const bridges = gateways.map((pod) => pod.ports.bridge as number);
  const ports = { bridge: bridges[0] as number, bridges, ops: gateways[0]?.ports.ops as number };
  const pids = Object.fromEntries(children.map((child) => [child.name, child.pid as number]));
  const opsUrl = [...gateways, ...workers].map((pod) => `http://${urlHost(host)}:${pod.ports.ops}`).join();
  return { host: reachable(host), redisUrl, mysqlUrl, keyPrefix, ports, opsUrl, pids };
}

export function writeState(dir: string, state: StackState): void {
  writeFileSync(join(dir, "stack.json"), `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
}

/** A pod that listens on every address is found on the loopback. */
function reachable(host: string): string {
  return { "0.0.0.0": "127.0.0.1", "::": "::1" }[host] ?? host;
}

function urlHost(host: string): string {
  const name = reachable(host);
  return name.includes(":") ? `[${name}]` : name;
}
