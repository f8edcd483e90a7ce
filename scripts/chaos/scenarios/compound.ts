/** Two faults at once: where the real defects are. */
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { SWALLOW } from "../fault-proxy.ts";
import type { Bot } from "../fleet.ts";
import type { Facts, Scene, SiteScenario } from "../scenario.ts";
import { cpuMsOf } from "../site.ts";
import { doomed, isWhole, kill, oneOf, pauseBeyondLife } from "./pods.ts";
import { resumed } from "./resumed.ts";
import { blackHole } from "./strike.ts";

const BUSY_CLIENTS = 4;

export const compound = {
  "redis-kill-in-drain": {
    numbers: [37],
    says: "kill -9 of Redis while a gateway drains",
    topologies: ["single"],
    on: "site",
    strike: redisInDrain,
    least: { was_dead: 1, drained: 1 },
  },
  "zombie-and-worker-stopped": {
    numbers: [38],
    says: "A writer's line is a black hole while a worker stands still beyond its life",
    on: "site",
    strike: zombieAndWorker,
    least: { was_stopped: 1, withheld_down: 1 },
  },
  "storm-at-busy-redis": {
    numbers: [39],
    says: "All phones of a killed gateway come back while Redis is busy with others",
    topologies: ["single"],
    on: "site",
    strike: stormAtBusyRedis,
    least: { was_dead: 1, redis_busy_percent: 60 },
  },
} as const satisfies Record<string, SiteScenario>;

async function redisInDrain(scene: Scene): Promise<Facts> {
  const gateway = oneOf(scene, scene.site.gateways);
  const [node] = scene.site.servers.nodes;
  return doomed(scene, gateway, async () => {
    const stopped = gateway.child.stop();
    await sleep(scene.random.next() * 200);
    await node?.child.kill();
    const was_dead = Number(node?.child.pid === undefined);
    await sleep(500);
    await node?.child.start();
    await stopped;
    const drained = Number(gateway.child.pid === undefined);
    await gateway.child.start();
    const resume_ms = await resumed(scene);
    await isWhole(scene);
    return { was_dead, drained, resume_ms };
  });
}

async function zombieAndWorker(scene: Scene): Promise<Facts> {
  const bot = scene.fleet.bots.find(({ sort }) => sort === "spare") as Bot;
  const [worker, zombie] = await Promise.all([
    pauseBeyondLife(scene, oneOf(scene, scene.site.workers), 8_000),
    blackHole(scene, bot, { up: SWALLOW, down: SWALLOW }),
  ]);
  return { ...worker, ...zombie };
}

async function stormAtBusyRedis(scene: Scene): Promise<Facts> {
  const { site } = scene;
  const clients = Array.from({ length: BUSY_CLIENTS }, () => new Redis(site.servers.single?.port ?? 0, "127.0.0.1"));
  let isOver = false;
  const busy = clients.map(async (client) => {
    client.on("error", () => {});
    while (!isOver) await client.eval("local x = 0 for i = 1, 200000 do x = x + i end return x", 0);
  });
  const startedAt = performance.now();
  const cpuBefore = cpuMsOf(site.servers.nodes[0]?.child.pid);
  try {
    const facts = await kill(scene, oneOf(scene, site.gateways));
    const cpuMs = cpuMsOf(site.servers.nodes[0]?.child.pid) - cpuBefore;
    return { ...facts, redis_busy_percent: Math.round((100 * cpuMs) / (performance.now() - startedAt)) };
  } finally {
    isOver = true;
    await Promise.allSettled(busy);
    for (const client of clients) client.disconnect();
  }
}
