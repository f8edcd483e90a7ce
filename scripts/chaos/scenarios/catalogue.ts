/** Every scenario, by the name under which a person asks for it. */
import type { Scenario } from "../scenario.ts";
import { TOPOLOGIES, type Topology } from "../servers.ts";
import { compound } from "./compound.ts";
import { gateways } from "./gateways.ts";
import { hostile } from "./hostile.ts";
import { nodes } from "./nodes.ts";
import { redis } from "./redis.ts";
import { sockets } from "./sockets.ts";
import { workers } from "./workers.ts";

export const scenarios: Readonly<Record<string, Scenario>> = {
  ...sockets,
  ...hostile,
  ...gateways,
  ...workers,
  ...redis,
  ...nodes,
  ...compound,
};

/** Pods and sockets fail alike whatever Redis is: pods are struck with one Redis, sockets beside every topology. */
export function runsOn(name: string, topology: Topology): boolean {
  const { on, topologies = on === "site" ? ["single"] : TOPOLOGIES } = scenarios[name] as Scenario;
  return topologies.includes(topology);
}

const ALSO_OF_REDIS = ["redis-kill-in-drain", "storm-at-busy-redis"];

/** Redis is away or slow for a while: what has to be agreed with it waits. */
export function isOfRedis(name: string): boolean {
  return name in redis || name in nodes || ALSO_OF_REDIS.includes(name);
}
