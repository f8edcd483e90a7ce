/** Workers that die at chosen steps, pause, come and go, or meet a line that kills them. */
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { BotPhone } from "../fleet.ts";
import type { Facts, Scene, SiteScenario } from "../scenario.ts";
import { becomes, metricOf, type SitePod, until } from "../site.ts";
import { doomed, kill, oneOf, outOfMemory, pauseBeyondLife } from "./pods.ts";

const DIES_MS_MAX = 45_000;
const LANES_MS_MAX = 30_000;
const TRIES = 3;
const EXTRA_WORKERS = 2;

export const workers = {
  "worker-kill": {
    numbers: [15],
    says: "kill -9 of a worker",
    on: "site",
    strike: (scene) => kill(scene, oneOf(scene, scene.site.workers)),
    least: { was_dead: 1 },
  },
  "worker-dies-before-effect": {
    numbers: [15],
    says: "kill -9 of a worker before its change in MySQL",
    on: "site",
    strike: (scene) => dieAt(scene, "apply", "before"),
    least: { died_there: 1 },
  },
  "worker-dies-after-effect": {
    numbers: [15],
    says: "kill -9 of a worker after its change in MySQL, before the answer is enqueued",
    on: "site",
    strike: (scene) => dieAt(scene, "apply", "after"),
    least: { died_there: 1 },
  },
  "worker-dies-after-answer": {
    numbers: [15],
    says: "kill -9 of a worker after the answer is enqueued, before the lane's commit",
    on: "site",
    strike: (scene) => dieAt(scene, "enqueue", "after"),
    least: { died_there: 1 },
  },
  "worker-dies-after-commit": {
    numbers: [15],
    says: "kill -9 of a worker when its commit was answered",
    on: "site",
    strike: (scene) => dieAt(scene, "commit", "after"),
    least: { died_there: 1 },
  },
  "worker-stopped": {
    numbers: [16],
    says: "SIGSTOP of a worker beyond its life, and its waking with turns in hand",
    on: "site",
    strike: (scene) => pauseBeyondLife(scene, oneOf(scene, scene.site.workers)),
    least: { was_stopped: 1, lives_lost: 1 },
  },
  poison: {
    numbers: [17],
    says: "A line that kills every worker which runs it: parked after its tries, its lane goes on",
    on: "site",
    strike: poison,
    least: { deaths: TRIES, parked: 1 },
  },
  "workers-scaled": {
    numbers: [18],
    says: "Two more workers come and go under load",
    on: "site",
    strike: scale,
    least: { lanes_taken_by_extra: 1 },
  },
  "worker-killed-in-handover": {
    numbers: [19],
    says: "kill -9 of a worker 100 ms after it was asked to leave, while it gives its lanes up",
    on: "site",
    strike: killInHandover,
    least: { was_dead: 1, lanes_owned: 1 },
  },
  "worker-out-of-memory": {
    numbers: [20],
    says: "The kernel gives a worker no more memory until it dies of it",
    on: "site",
    strike: (scene) => outOfMemory(scene, oneOf(scene, scene.site.workers)),
    least: { died: 1 },
  },
  "workers-all-stopped": {
    numbers: [34],
    says: "All workers stopped for 8 s under load: what nobody reads is not trimmed",
    on: "site",
    strike: stopAll,
    least: { waiting: 100 },
  },
} as const satisfies Record<string, SiteScenario>;

async function dieAt(scene: Scene, call: string, moment: "before" | "after"): Promise<Facts> {
  const worker = oneOf(scene, scene.site.workers);
  const plan = scene.site.diePlanOf(worker.name);
  return doomed(scene, worker, async () => {
    await worker.child.stop();
    writeFileSync(plan, JSON.stringify({ call, moment, count: 1 + Math.floor(scene.random.next() * 20) }));
    await worker.child.start();
    const died_there = Number(await becomes(DIES_MS_MAX, () => worker.child.pid === undefined && !existsSync(plan)));
    rmSync(plan, { force: true });
    if (worker.child.pid === undefined) await worker.child.start();
    await hasLanes(worker);
    return { died_there };
  });
}

async function hasLanes(worker: SitePod): Promise<void> {
  await until(`${worker.name} has lanes`, LANES_MS_MAX, async () => (await metricOf([worker], "moa_lanes_owned")) > 0);
}

async function poison(scene: Scene): Promise<Facts> {
  const { site, fleet } = scene;
  const parked = await metricOf(site.workers, "moa_parked_events");
  let deaths = 0;
  const restarts = site.workers.map(({ name, child }) => {
    const before = child.onDeath;
    site.doomed.add(name);
    child.onDeath = () => {
      deaths++;
      void child.start();
    };
    return () => {
      child.onDeath = before;
      site.doomed.delete(name);
    };
  });
  try {
    const bot = fleet.bots.find(({ sort }) => sort === "crowd");
    fleet.say(bot?.phones[0] as BotPhone, { text: "# die" });
    await becomes(LANES_MS_MAX * 3, () => deaths >= TRIES);
    const isAlive = () => site.workers.every(({ child }) => child.pid !== undefined);
    await becomes(LANES_MS_MAX, async () => isAlive() && (await metricOf(site.workers, "moa_parked_events")) > parked);
    return { deaths, parked: (await metricOf(site.workers, "moa_parked_events")) - parked };
  } finally {
    for (const end of restarts) end();
  }
}

async function scale(scene: Scene): Promise<Facts> {
  const { site } = scene;
  const first = site.workers.length + 1;
  const extra = await Promise.all(Array.from({ length: EXTRA_WORKERS }, (_, i) => site.pod("worker", first + i)));
  let lanes_taken_by_extra = 0;
  try {
    await Promise.all(extra.map(({ child }) => child.start()));
    await becomes(LANES_MS_MAX, async () => {
      lanes_taken_by_extra = await metricOf(extra, "moa_lanes_owned");
      return lanes_taken_by_extra > 0;
    });
    await sleep(3_000);
  } finally {
    for (const { child, redis } of extra) {
      site.doomed.add(child.name);
      await child.stop();
      await redis?.close();
    }
  }
  return { lanes_taken_by_extra };
}

async function killInHandover(scene: Scene): Promise<Facts> {
  const worker = oneOf(scene, scene.site.workers);
  return doomed(scene, worker, async () => {
    const lanes_owned = await metricOf([worker], "moa_lanes_owned");
    worker.child.signal("SIGTERM");
    await sleep(100);
    await worker.child.kill();
    const was_dead = Number(worker.child.pid === undefined);
    await sleep(1_000);
    await worker.child.start();
    await hasLanes(worker);
    return { was_dead, lanes_owned };
  });
}

async function stopAll({ site, history }: Scene): Promise<Facts> {
  const since = history.length;
  for (const { child } of site.workers) child.signal("SIGSTOP");
  await sleep(8_000);
  const waiting = history.since(since).filter(({ kind }) => kind === "sent").length;
  for (const { child } of site.workers) child.signal("SIGCONT");
  await until("lanes are owned", LANES_MS_MAX, async () => (await metricOf(site.workers, "moa_lanes_owned")) > 0);
  return { waiting };
}
