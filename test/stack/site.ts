/** What can be seen of a running stack from outside: its pods' metrics and memory, what waits in its lanes and outboxes. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { keysFor } from "#common/contract/keys.ts";
import type { LaneState } from "#common/ports/lane-log.ts";
import type { Child } from "#scripts/stack/child.ts";
import type { Pod } from "#scripts/stack/pod.ts";
import type { Stack } from "#scripts/stack/stack.ts";
import { balancesOf, topology, withBackends } from "#test/fixtures/balances.ts";
import { KEY_PREFIX } from "#test/fixtures/own-stack.ts";

const PAGE_MS_MAX = 5_000;
const POLL_MS = 20;

const keys = keysFor(topology, KEY_PREFIX);

/** Sum over the pods and over the series whose labels contain the text, e.g. `result="confirmed"`. */
export async function metricOf(pods: readonly Pod[], name: string, label = ""): Promise<number> {
  const pages = await Promise.all(pods.map(pageOf));
  const series = pages.flatMap((page) => page.split("\n")).filter((line) => /^[^ {]+/.exec(line)?.[0] === name);
  return series
    .filter((line) => line.includes(label))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}

async function pageOf({ ports }: Pod): Promise<string> {
  const signal = AbortSignal.timeout(PAGE_MS_MAX);
  return (await fetch(`http://127.0.0.1:${ports.ops}/metrics`, { signal })).text();
}

/** Actions whose write to a phone's socket was called back, since the gateways started, but for repeats of former ones. */
export async function answersWritten({ gateways }: Stack): Promise<number> {
  const written = await metricOf(gateways, "moa_actions_delivered_total", 'result="confirmed"');
  return written - (await metricOf(gateways, "moa_messages_redelivered_total"));
}

/** Resident memory, MiB. */
export function memoryOf({ child }: Pod): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(statusOf(child))?.[1]) / 1_024;
}

/** `R`unning, `S`leeping, s`T`opped, ...; undefined when there is no such process. */
export function stateOfProcess(child: Child): string | undefined {
  return /^State:\s+(\w)/m.exec(statusOf(child))?.[1];
}

function statusOf({ pid }: Child): string {
  return pid === undefined ? "" : readFileSync(`/proc/${pid}/status`, "utf8");
}

/** Lanes that a worker's present or former incarnations own, and the events in them that are not yet done. */
export async function lanesOf(stack: Stack, worker: string): Promise<{ owned: number; waiting: number }> {
  const { balances, states } = await balancesOf(stack);
  const lanes = new Set(states.filter(({ owner }) => owner?.startsWith(`${worker}.`)).map(({ lane }) => lane));
  const waiting = balances
    .filter(({ lane }) => lanes.has(lane))
    .reduce((sum, { appended, done }) => sum + appended - Object.values(done).reduce((a, b) => a + b, 0), 0);
  return { owned: lanes.size, waiting };
}

/** Actions not yet confirmed of the bots whose writer is, or was, a connection of this gateway. */
export async function outboxesOf(stack: Stack, gateway: string, bots: readonly string[]): Promise<number> {
  const lengths = await withRedis(stack, (redis) =>
    Promise.all(
      bots.map(async (bot) => {
        const [pod, length] = await Promise.all([
          redis.hget(keys.outboxMeta(bot), "pod"),
          redis.xlen(keys.outbox(bot)),
        ]);
        return pod?.startsWith(`${gateway}.`) ? length : 0;
      }),
    ),
  );
  return lengths.reduce((a, b) => a + b, 0);
}

/**
 * The worker's lanes are taken, and its proof of life with them, as by another that believes it dead. It does not know
 * until it next looks after its lanes.
 */
export async function disown(stack: Stack, worker: string): Promise<void> {
  await withBackends(stack, async ({ lanes }) => {
    const ownedBy = ({ owner }: LaneState) => owner?.startsWith(`${worker}.`);
    const states = (await lanes.owners()).filter(ownedBy);
    await Promise.all(states.map((state) => lanes.take(state, "another")));
  });
  await withRedis(stack, async (redis) => {
    const members = (await redis.smembers(keys.members("worker"))).filter((member) => member.startsWith(`${worker}.`));
    await redis.del(members.map((member) => keys.life("worker", member)));
  });
}

async function withRedis<T>({ redisUrl }: Stack, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(redisUrl);
  try {
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}

/** Polls until it is so, and rejects when it is not in time. */
export async function until(what: string, msMax: number, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + msMax;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${msMax} ms`);
    await sleep(POLL_MS);
  }
}
