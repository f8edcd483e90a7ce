/** Several Redis: a primary that dies or stands still and wakes, with Sentinel and in a Cluster. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Facts, Scene, SiteScenario } from "../scenario.ts";
import { asked, type Node } from "../servers.ts";
import { becomes, stateOf } from "../site.ts";
import { doomed, isWhole, oneOf } from "./pods.ts";
import { resumed } from "./resumed.ts";

const PROMOTED_MS_MAX = 30_000;
const REPLICA_BACK_MS_MAX = 30_000;
/** From the primary's end: until it is declared, another promoted, and work goes on. */
const RESUMES = { resume_ms: 8_000 };

export const nodes = {
  "primary-killed": {
    numbers: [24],
    says: "kill -9 of a primary; its replica is promoted",
    topologies: ["sentinel", "cluster"],
    on: "site",
    strike: (scene) => failover(scene, (node) => node.child.kill()),
    least: { was_primary: 1, promoted: 1 },
    most: RESUMES,
  },
  "primary-stopped": {
    numbers: [24, 25],
    says: "SIGSTOP of a primary until another is promoted, and its waking as one that believes it still is",
    topologies: ["sentinel", "cluster"],
    on: "site",
    strike: (scene) => failover(scene, async (node) => node.child.signal("SIGSTOP")),
    least: { was_primary: 1, promoted: 1 },
    most: RESUMES,
  },
  "replica-lags": {
    numbers: [24],
    says: "The primary dies while its replica lags: what it acknowledged last is lost and comes back from the pods",
    topologies: ["sentinel", "cluster"],
    on: "site",
    strike: lagged,
    least: { was_primary: 1, promoted: 1, bytes_behind: 1 },
    most: RESUMES,
  },
  "failover-in-drain": {
    numbers: [37],
    says: "kill -9 of a primary while a gateway drains",
    topologies: ["sentinel", "cluster"],
    on: "site",
    strike: failoverInDrain,
    least: { was_primary: 1, promoted: 1, drained: 1 },
  },
} as const satisfies Record<string, SiteScenario>;

interface Primary {
  readonly node: Node;
  /** Those that may follow it. */
  readonly replicas: readonly Node[];
}

/** One of those that are primaries just now. */
async function primary({ site, random }: Scene): Promise<Primary> {
  const all = site.servers.nodes;
  const said = await Promise.all(
    all.map(({ port }) => asked(port, (redis) => redis.info("replication")).catch(() => "")),
  );
  const found = all.flatMap((node, i) => {
    const ports = [...(said[i] ?? "").matchAll(/^slave\d+:ip=[^,]+,port=(\d+)/gm)].map((match) => Number(match[1]));
    const replicas = all.filter(({ port }) => ports.includes(port));
    return replicas.length === 0 ? [] : [{ node, replicas }];
  });
  if (found.length === 0) throw new Error("no primary has a replica");
  return found[Math.floor(random.next() * found.length)] as Primary;
}

function roleOf({ port }: Node): Promise<string> {
  return asked(port, async (redis) => /role:(\w+)/.exec(await redis.info("replication"))?.[1] ?? "").catch(() => "");
}

async function failover(scene: Scene, end: (node: Node) => Promise<void>, chosen?: Primary): Promise<Facts> {
  const { node, replicas } = chosen ?? (await primary(scene));
  const was_primary = Number((await roleOf(node)) === "master");
  await end(node);
  const isPromoted = async () => (await Promise.all(replicas.map(roleOf))).includes("master");
  const promoted = Number(await becomes(PROMOTED_MS_MAX, isPromoted));
  // A primary without any replica takes no writes: with one replica only, Redis is ready when the former is back.
  const resume = replicas.length > 1 ? resumed(scene) : undefined;
  await sleep(1_000);
  if (stateOf(node.child.pid) === "T") node.child.signal("SIGCONT");
  else if (node.child.pid === undefined) await node.child.start();
  await becomes(REPLICA_BACK_MS_MAX, async () => (await roleOf(node)) === "slave");
  await scene.site.servers.untilWhole();
  const resume_ms = await (resume ?? resumed(scene));
  return { was_primary, promoted, resume_ms };
}

async function lagged(scene: Scene): Promise<Facts> {
  const chosen = await primary(scene);
  // Stopped replicas take nothing in; they must be awake to be promoted.
  for (const { child } of chosen.replicas) child.signal("SIGSTOP");
  await sleep(800);
  const offsets = await asked(chosen.node.port, async (redis) => {
    const said = await redis.info("replication");
    return { ours: Number(/master_repl_offset:(\d+)/.exec(said)?.[1]), theirs: Number(/offset=(\d+)/.exec(said)?.[1]) };
  });
  const facts = await failover(
    scene,
    async (node) => {
      await node.child.kill();
      for (const { child } of chosen.replicas) child.signal("SIGCONT");
    },
    chosen,
  );
  return { ...facts, bytes_behind: offsets.ours - offsets.theirs };
}

async function failoverInDrain(scene: Scene): Promise<Facts> {
  const gateway = oneOf(scene, scene.site.gateways);
  return doomed(scene, gateway, async () => {
    const stopped = gateway.child.stop();
    const facts = await failover(scene, (node) => node.child.kill());
    await stopped;
    const drained = Number(gateway.child.pid === undefined);
    await gateway.child.start();
    await isWhole(scene);
    return { ...facts, drained };
  });
}
