/** One Redis that goes, comes back with less than it had, stands still, or loses connections. */
import { closeSync, ftruncateSync, openSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Redis } from "ioredis";
import { SWALLOW } from "../fault-proxy.ts";
import type { Facts, Scene, SiteScenario } from "../scenario.ts";
import { asked } from "../servers.ts";
import { becomes, metricOf, type SitePod, stateOf } from "../site.ts";
import { isWhole, oneOf } from "./pods.ts";
import { resumed } from "./resumed.ts";

const RESUMES = { resume_ms: 5_000 };
const SINGLE = ["single"] as const;
const LONG_CHARS = 12_000;

export const redis = {
  "redis-restart": {
    numbers: [22],
    says: "Redis stops in good order and comes back with its AOF",
    topologies: SINGLE,
    on: "site",
    strike: (scene) => outage(scene, "stop"),
    least: { was_dead: 1 },
    most: RESUMES,
  },
  "redis-kill": {
    numbers: [22],
    says: "kill -9 of Redis, which fsyncs every second",
    topologies: SINGLE,
    on: "site",
    strike: (scene) => outage(scene, "kill"),
    least: { was_dead: 1 },
    most: RESUMES,
  },
  "redis-empty": {
    numbers: [21],
    says: "Redis comes back with nothing",
    topologies: SINGLE,
    on: "site",
    strike: (scene) => outage(scene, "kill", emptied),
    least: { was_dead: 1, bytes_gone: 1 },
    most: RESUMES,
  },
  "redis-aof-cut": {
    numbers: [23],
    says: "kill -9 of Redis; the last 8 KB of its AOF are gone when it comes back",
    topologies: SINGLE,
    on: "site",
    strike: (scene) => outage(scene, "kill", cutTail),
    least: { was_dead: 1, bytes_gone: 1 },
    most: RESUMES,
  },
  "redis-stopped": {
    numbers: [27, 31],
    says: "Redis stands still for about as long as blocking reads and calls wait",
    topologies: SINGLE,
    on: "site",
    strike: stopRedis,
    least: { was_stopped: 1 },
    most: RESUMES,
  },
  "redis-black-hole": {
    numbers: [28],
    says: "One pod's connections to Redis pass nothing and are not reset, for 8 s",
    topologies: SINGLE,
    on: "site",
    strike: blackHoleOfPod,
    least: { lines: 2, withheld_up: 1 },
    most: RESUMES,
  },
  "redis-clients-killed": {
    numbers: [29],
    says: "Redis closes the pods' connections at random, subscribers and others",
    topologies: SINGLE,
    on: "site",
    strike: killClients,
    least: { killed: 5 },
    most: RESUMES,
  },
  "subscriber-deaf": {
    numbers: [30],
    says: "A gateway's subscription stands and delivers nothing: its probe finds that and makes a new one",
    topologies: SINGLE,
    on: "site",
    strike: deafSubscriber,
    least: { withheld_down: 1, restarts: 1 },
  },
  "subscriber-overflows": {
    numbers: [33],
    says: "Redis closes subscribers whose output buffer is full",
    topologies: SINGLE,
    on: "site",
    strike: overflow,
    least: { closed: 1 },
  },
  "reply-lost": {
    numbers: [35],
    says: "Appends are applied and the connection dies before their replies: nothing is there twice",
    topologies: SINGLE,
    on: "site",
    strike: loseReplies,
    least: { withheld_down: 1, passed_up: 1 },
  },
} as const satisfies Record<string, SiteScenario>;

async function outage(
  scene: Scene,
  how: "stop" | "kill",
  meanwhile: (dir: string) => number = () => 1,
): Promise<Facts> {
  const { child, dir } = onlyRedis(scene);
  await child[how]();
  const was_dead = Number(child.pid === undefined);
  const bytes_gone = meanwhile(dir);
  await sleep(500 + scene.random.next() * 2_000);
  await child.start();
  const resume_ms = await resumed(scene);
  return { was_dead, bytes_gone, resume_ms };
}

function onlyRedis({ site: { servers } }: Scene) {
  const [node] = servers.nodes;
  if (servers.single === undefined || node === undefined) throw new Error("there is more than one Redis");
  return { ...servers.single, child: node.child };
}

function appendOnlyFiles(dir: string): readonly string[] {
  const folder = join(dir, "appendonlydir");
  return readdirSync(folder).map((name) => join(folder, name));
}

function emptied(dir: string): number {
  const bytes = appendOnlyFiles(dir).reduce((sum, file) => sum + statSync(file).size, 0);
  rmSync(join(dir, "appendonlydir"), { recursive: true });
  return bytes;
}

function cutTail(dir: string): number {
  const tail = appendOnlyFiles(dir).find((file) => file.endsWith(".incr.aof"));
  if (tail === undefined) return 0;
  const { size } = statSync(tail);
  const bytes = Math.min(size, 8_192);
  const file = openSync(tail, "r+");
  ftruncateSync(file, size - bytes);
  closeSync(file);
  return bytes;
}

async function stopRedis(scene: Scene): Promise<Facts> {
  const { child } = onlyRedis(scene);
  child.signal("SIGSTOP");
  await sleep(900 + scene.random.next() * 3_600);
  const was_stopped = Number(stateOf(child.pid) === "T");
  child.signal("SIGCONT");
  return { was_stopped, resume_ms: await resumed(scene) };
}

async function blackHoleOfPod(scene: Scene): Promise<Facts> {
  const pod = oneOf(scene, scene.site.pods);
  const { redis } = proxied(pod);
  const lines = redis.lines.filter(({ isOpen }) => isOpen);
  redis.newcomers = { up: SWALLOW, down: SWALLOW };
  for (const line of lines) line.set(redis.newcomers);
  await sleep(8_000);
  const withheld_up = redis.lines.reduce((sum, line) => sum + line.withheld("up"), 0);
  redis.newcomers = {};
  const resume = resumed(scene);
  for (const line of redis.lines) line.reset();
  const resume_ms = await resume;
  await isWhole(scene);
  return { lines: lines.length, withheld_up, resume_ms };
}

function proxied(pod: SitePod) {
  if (pod.redis === undefined) throw new Error(`${pod.name} reaches Redis without a proxy`);
  return { redis: pod.redis };
}

async function killClients(scene: Scene): Promise<Facts> {
  const { port } = onlyRedis(scene);
  let killed = 0;
  for (let round = 0; round < 8; round++) {
    const type = scene.random.next() < 0.5 ? "pubsub" : "normal";
    killed += await asked(port, async (redis) =>
      Number(await redis.call("CLIENT", "KILL", "TYPE", type, "SKIPME", "yes")),
    );
    await sleep(scene.random.next() * 1_000);
  }
  return { killed, resume_ms: await resumed(scene) };
}

function subscriberOf(pod: SitePod) {
  return proxied(pod).redis.lines.find(({ isOpen, said }) => isOpen && /ssubscribe/i.test(said));
}

async function deafSubscriber(scene: Scene): Promise<Facts> {
  const pod = oneOf(scene, scene.site.gateways);
  // Its probe finds it, or before that a call that gets no reply.
  const made = () => metricOf([pod], "moa_redis_reconnects_total", 'purpose="subscriber"');
  const before = await made();
  const line = subscriberOf(pod);
  line?.set({ down: SWALLOW });
  const restarts = async () => (await made()) - before;
  await becomes(20_000, async () => (await restarts()) > 0);
  const withheld_down = line?.withheld("down") ?? 0;
  line?.reset();
  return { withheld_down, restarts: await restarts() };
}

async function overflow(scene: Scene): Promise<Facts> {
  const { fleet } = scene;
  const { port } = onlyRedis(scene);
  const limit = (of: string) => asked(port, (redis) => redis.config("SET", "client-output-buffer-limit", of));
  const subscribers = (redis: Redis) =>
    redis.call("CLIENT", "LIST", "TYPE", "pubsub").then((list) => idsIn(String(list)));
  const before = await asked(port, subscribers);
  await limit("pubsub 1 1 1");
  // What does not fit into a client's fixed buffer waits in a list, and the list is what is limited.
  for (const { sort, phones } of fleet.bots)
    if (sort !== "idle" && phones[0]) fleet.say(phones[0], { chars: LONG_CHARS });
  let closed = 0;
  await becomes(15_000, async () => {
    const now = new Set(await asked(port, subscribers));
    closed = before.filter((id) => !now.has(id)).length;
    return closed > 0;
  });
  await limit("pubsub 33554432 8388608 60");
  return { closed };
}

function idsIn(list: string): string[] {
  return [...list.matchAll(/^id=(\d+)/gm)].map((match) => match[1] as string);
}

async function loseReplies(scene: Scene): Promise<Facts> {
  const pod = oneOf(scene, scene.site.gateways);
  const lines = proxied(pod).redis.lines.filter(({ isOpen, said }) => isOpen && !/ssubscribe/i.test(said));
  const passed = () => lines.reduce((sum, line) => sum + line.passed("up"), 0);
  const before = passed();
  for (const line of lines) line.set({ down: SWALLOW });
  await sleep(300 + scene.random.next() * 300);
  const passed_up = passed() - before;
  const withheld_down = lines.reduce((sum, line) => sum + line.withheld("down"), 0);
  for (const line of lines) line.reset();
  return { passed_up, withheld_down, resume_ms: await resumed(scene) };
}
