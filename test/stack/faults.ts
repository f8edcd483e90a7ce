/**
 * The faults, a line of the catalogue each: what is done to a stack under load, and the bounds that its facts must keep.
 * `least` is the proof that the fault bit: a process that was not dead, a call that did not fail, nothing in flight make
 * the run void. `most` is what moa promises.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Child } from "#scripts/stack/child.ts";
import type { Pod } from "#scripts/stack/pod.ts";
import type { Stack } from "#scripts/stack/stack.ts";
import { answersWritten, disown, lanesOf, memoryOf, metricOf, outboxesOf, stateOfProcess, until } from "./site.ts";

export interface Site {
  readonly stack: Stack;
  readonly bots: readonly string[];
  /** How long what is stopped stays away. */
  readonly downMs: number;
}

export type Facts = Readonly<Record<string, number>>;

export interface Fault {
  /** Breaks and repairs. Resolves with what was seen when the stack is whole again. */
  strike(site: Site): Promise<Facts>;
  readonly least?: Facts;
  readonly most?: Facts;
  /** The part that comes back as another process; all others must still be the same. */
  victim?(stack: Stack): Child | undefined;
  /** Phones lost their connection: lines and answers may have died with it. */
  readonly cutsPhones?: true;
}

const WORKER_AWAY_MS = 1_000;
const REPAIR_MS_MAX = 30_000;
/** Life of the dead, the check that sees it, and a slow machine. */
const TAKE_OVER_MS_MAX = 15_000;

const redisCame = { was_dead: 1, calls_failed: 1 };
const resumed = { resume_ms: 5_000 };

export const faults = {
  none: { strike: async () => ({}) },
  "worker-kill": {
    strike: killWorker,
    least: { was_dead: 1, lanes_owned: 1, events_waiting: 1, lanes_taken_over: 1 },
    victim: ({ workers }) => workers[0]?.child,
  },
  "worker-stop": {
    strike: stopWorker,
    least: { was_stopped: 1, lanes_owned: 1, events_waiting: 1, answered_while_away: 1, lanes_back: 1, lives_lost: 1 },
  },
  "worker-disowned": {
    strike: disownWorker,
    least: { lanes_owned: 1, lives_lost: 1, fenced: 1, lanes_back: 1 },
  },
  "gateway-kill": {
    strike: killGateway,
    least: { was_dead: 1, phones_cut: 1, actions_waiting: 1 },
    victim: ({ gateways }) => gateways[0]?.child,
    cutsPhones: true,
  },
  "redis-kill": {
    strike: ({ stack }) => outage(stack, stack.redis, { how: "kill", downMs: 1_000 }),
    least: redisCame,
    most: resumed,
    victim: ({ redis }) => redis,
  },
  "redis-term": {
    strike: ({ stack }) => outage(stack, stack.redis, { how: "stop", downMs: 1_000 }),
    least: redisCame,
    most: resumed,
    victim: ({ redis }) => redis,
  },
  "redis-away": {
    strike: ({ stack, downMs }) => outage(stack, stack.redis, { how: "stop", downMs }),
    least: { ...redisCame, sockets_paused: 1 },
    most: { ...resumed, memory_grown_mib: 64 },
    victim: ({ redis }) => redis,
  },
  "mariadb-kill": {
    strike: ({ stack }) => outage(stack, stack.mariadb, { how: "kill", downMs: 2_000 }),
    least: { was_dead: 1, calls_failed: 1, answered_while_away: 1 },
    victim: ({ mariadb }) => mariadb,
  },
  "mariadb-away": {
    strike: ({ stack, downMs }) => outage(stack, stack.mariadb, { how: "stop", downMs }),
    least: { was_dead: 1, calls_failed: 1, answered_while_away: 1 },
    most: { longest_silence_ms: 3_000 },
    victim: ({ mariadb }) => mariadb,
  },
} as const satisfies Record<string, Fault>;

export type FaultName = keyof typeof faults;

async function killWorker({ stack }: Site): Promise<Facts> {
  const { name, child } = partOf(stack.workers);
  // Those of the victim begin at 0 again.
  const takenBefore = await abruptTakeOvers(stack.workers.slice(1));
  const { owned } = await lanesOf(stack, name);
  await child.kill();
  const was_dead = Number(child.pid === undefined);
  const { waiting } = await lanesOf(stack, name);
  await sleep(WORKER_AWAY_MS);
  await child.start();
  const taken = async () => (await abruptTakeOvers(stack.workers)) - takenBefore;
  await until("the dead worker's lanes are taken over", TAKE_OVER_MS_MAX, async () => (await taken()) >= owned);
  return { was_dead, lanes_owned: owned, events_waiting: waiting, lanes_taken_over: await taken() };
}

function abruptTakeOvers(workers: readonly Pod[]): Promise<number> {
  return metricOf(workers, "moa_lane_takeovers_total", 'kind="abrupt"');
}

/**
 * SIGSTOP beyond its life, and its waking as a zombie that still has turns in hand. Mostly its calls' deadlines and its
 * life's renewal speak before any of its writes: what the sinks refused is told, and demanded of `disownWorker` only.
 */
async function stopWorker({ stack, downMs }: Site): Promise<Facts> {
  const { name, pod, child } = partOf(stack.workers);
  const { owned } = await lanesOf(stack, name);
  const before = await zombieSigns(pod);
  const wakesAt = performance.now() + downMs;
  await child.pause();
  const { waiting } = await lanesOf(stack, name);
  await until("its lanes are taken over", downMs, async () => (await lanesOf(stack, name)).owned === 0);
  const answered = await answersWritten(stack);
  await sleep(Math.max(0, wakesAt - performance.now()));
  const was_stopped = Number(stateOfProcess(child) === "T");
  const answered_while_away = (await answersWritten(stack)) - answered;
  child.signal("SIGCONT");
  await until("it has lanes again", TAKE_OVER_MS_MAX, async () => (await lanesOf(stack, name)).owned > 0);
  const lanes_back = (await lanesOf(stack, name)).owned;
  const signs = grown(await zombieSigns(pod), before);
  return { was_stopped, lanes_owned: owned, events_waiting: waiting, lanes_back, answered_while_away, ...signs };
}

/**
 * Its lanes are another's, while it reads and writes on under load and does not know: the sinks alone stand between its
 * writes and the new owner's.
 */
async function disownWorker({ stack }: Site): Promise<Facts> {
  const { name, pod } = partOf(stack.workers);
  const { owned } = await lanesOf(stack, name);
  const before = await zombieSigns(pod);
  await disown(stack, name);
  const isReborn = async () => (await zombieSigns(pod)).lives_lost > before.lives_lost;
  await until("it learns that it was declared dead", TAKE_OVER_MS_MAX, isReborn);
  await until("it has lanes again", TAKE_OVER_MS_MAX, async () => (await lanesOf(stack, name)).owned > 0);
  const signs = grown(await zombieSigns(pod), before);
  return { lanes_owned: owned, ...signs, lanes_back: (await lanesOf(stack, name)).owned };
}

interface ZombieSigns {
  readonly lives_lost: number;
  readonly fenced: number;
}

async function zombieSigns(pod: Pod): Promise<ZombieSigns> {
  const lives_lost = await metricOf([pod], "moa_life_lost_total");
  return { lives_lost, fenced: await metricOf([pod], "moa_fencing_rejections_total") };
}

function grown(now: ZombieSigns, before: ZombieSigns): Facts & ZombieSigns {
  return { lives_lost: now.lives_lost - before.lives_lost, fenced: now.fenced - before.fenced };
}

async function killGateway({ stack, bots }: Site): Promise<Facts> {
  const { name, pod, child } = partOf(stack.gateways);
  const phones_cut = await metricOf([pod], "moa_connections", 'role="writer"');
  await child.kill();
  const was_dead = Number(child.pid === undefined);
  const actions_waiting = await outboxesOf(stack, name, bots);
  await child.start();
  await until(
    "its phones are back",
    REPAIR_MS_MAX,
    async () => (await metricOf([pod], "moa_connections", 'role="writer"')) >= phones_cut,
  );
  return { was_dead, phones_cut, actions_waiting };
}

/** One of the servers goes and comes back with its data. What the pods do meanwhile is watched from outside. */
async function outage(
  stack: Stack,
  server: Child | undefined,
  { how, downMs }: { how: "kill" | "stop"; downMs: number },
): Promise<Facts> {
  if (server === undefined) throw new Error("the stack has no such server of its own");
  const pods = [...stack.gateways, ...stack.workers];
  const failures = async () =>
    (await metricOf(pods, "moa_redis_command_errors_total")) + (await metricOf(pods, "moa_mysql_errors_total"));
  const failedBefore = await failures();
  await server[how]();
  const watched = await watch(stack, downMs);
  const was_dead = Number(server.pid === undefined);
  await server.start();
  const backAt = performance.now();
  const before = await workDone(stack);
  await until("the first work after it", REPAIR_MS_MAX, async () => {
    const now = await workDone(stack);
    return now.handled > before.handled && now.confirmed > before.confirmed;
  });
  const resume_ms = Math.round(performance.now() - backAt);
  return { was_dead, calls_failed: (await failures()) - failedBefore, ...watched, resume_ms };
}

/** Both ends of the way: lines handled, and answers read by phones, those shown again included. */
async function workDone({ gateways, workers }: Stack): Promise<{ handled: number; confirmed: number }> {
  const handled = await metricOf(workers, "moa_messages_handled_total", 'outcome="handled"');
  return { handled, confirmed: await metricOf(gateways, "moa_actions_delivered_total", 'result="confirmed"') };
}

const WATCH_EVERY_MS = 50;
/** Of the looks, one in so many reads the pods' metrics: pages by the dozen fill a heap that is then blamed on the outage. */
const PAGES_EVERY = 20;

async function watch(stack: Stack, downMs: number) {
  const { gateways } = stack;
  const startedAt = performance.now();
  const memoryAtFirst = gateways.map(memoryOf);
  const first = await answersWritten(stack);
  let [last, lastAt] = [first, startedAt];
  let [sockets_paused, memory_grown_mib, longest_silence_ms] = [0, 0, 0];
  for (let look = 1; performance.now() - startedAt < downMs; look++) {
    await sleep(WATCH_EVERY_MS);
    for (const [i, pod] of gateways.entries()) {
      memory_grown_mib = Math.max(memory_grown_mib, memoryOf(pod) - (memoryAtFirst[i] as number));
    }
    if (look % PAGES_EVERY !== 0) continue;
    sockets_paused = Math.max(sockets_paused, await metricOf(gateways, "moa_sockets_paused"));
    const now = await answersWritten(stack);
    longest_silence_ms = Math.max(longest_silence_ms, Math.round(performance.now() - lastAt));
    if (now > last) [last, lastAt] = [now, performance.now()];
  }
  return {
    answered_while_away: last - first,
    longest_silence_ms,
    sockets_paused,
    memory_grown_mib: Math.round(memory_grown_mib * 10) / 10,
  };
}

function partOf(pods: readonly Pod[]) {
  const pod = pods[0] as Pod;
  return { pod, child: pod.child, name: pod.child.name };
}
