/** What strikes a pod whatever its role: one at a time, the other pods go on. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Happening } from "../history.ts";
import { blockLoop, hoard } from "../inspector.ts";
import type { Facts, Scene } from "../scenario.ts";
import { becomes, metricOf, type SitePod, starve, stateOf, until } from "../site.ts";

const DOWN_MS = 1_000;
/** Phones dial 4 s after they were cut off; by then and 2 s they should be served. */
const FIRST_WAVE_MS = 6_000;
const WELCOME_MS_MAX = 10_000;
const WHOLE_MS_MAX = 90_000;
/** Of the life of a pod's incarnation, and what notices its end. */
const BEYOND_LIFE_MS = 5_000;

/** The pod's end is ours: no death to be told. */
export async function doomed<T>({ site }: Scene, pod: SitePod, strike: () => Promise<T>): Promise<T> {
  site.doomed.add(pod.name);
  try {
    return await strike();
  } finally {
    site.doomed.delete(pod.name);
  }
}

export function oneOf(scene: Scene, pods: readonly SitePod[]): SitePod {
  return pods[Math.floor(scene.random.next() * pods.length)] as SitePod;
}

/** All phones of the crowd have a connection again; those of other bots may be struck just now. */
export async function isWhole({ fleet }: Scene): Promise<void> {
  await until("the crowd's phones are back", WHOLE_MS_MAX, () => fleet.isWhole("crowd"));
}

export async function kill(scene: Scene, pod: SitePod): Promise<Facts> {
  return doomed(scene, pod, async () => {
    const connections = await metricOf([pod], "moa_connections");
    const since = scene.history.length;
    const at = Date.now();
    await pod.child.kill();
    const was_dead = Number(pod.child.pid === undefined);
    await sleep(DOWN_MS);
    await pod.child.start();
    await isWhole(scene);
    // The others dial a proxy, which takes them also while no gateway is behind it.
    const dialledUs = (one: Happening) =>
      (one.kind === "connected" || one.kind === "welcome") && scene.fleet.botOf[one.phone]?.sort === "crowd";
    const back = () => returns(scene.history.since(since).filter(dialledUs), at);
    await becomes(WELCOME_MS_MAX, () => Number.isFinite(back().slowest_welcome_ms));
    return { was_dead, connections, ...back() };
  });
}

/** How phones that were cut off came back: from their first connection that was taken to its welcome, and since the fault. */
function returns(happenings: readonly Happening[], since: number) {
  const first = (kind: "connected" | "welcome") =>
    new Map(happenings.flatMap((one) => (one.kind === kind ? [[one.phone, one.at] as const] : [])).toReversed());
  const [connected, welcomed] = [first("connected"), first("welcome")];
  const waits = [...connected].map(([phone, at]) => (welcomed.get(phone) ?? Number.POSITIVE_INFINITY) - at);
  const late = [...connected.keys()].filter(
    (phone) => (welcomed.get(phone) ?? Number.POSITIVE_INFINITY) - since > FIRST_WAVE_MS,
  );
  const late_percent = Math.round((100 * late.length) / Math.max(1, connected.size));
  return { came_back: connected.size, slowest_welcome_ms: Math.max(0, ...waits), late_percent };
}

/** SIGTERM to each in turn, as a rolling deployment does. */
export async function drain(scene: Scene, pods: readonly SitePod[]): Promise<Facts> {
  let [drained, longest_drain_ms] = [0, 0];
  for (const pod of pods) {
    await doomed(scene, pod, async () => {
      const startedAt = performance.now();
      await pod.child.stop();
      longest_drain_ms = Math.max(longest_drain_ms, Math.round(performance.now() - startedAt));
      drained++;
      await pod.child.start();
    });
    await isWhole(scene);
  }
  return { drained, longest_drain_ms };
}

/** Paused beyond its life, and woken as a zombie. */
export async function pauseBeyondLife(scene: Scene, pod: SitePod, msMax = scene.stoppedMs): Promise<Facts> {
  const lost = await metricOf([pod], "moa_life_lost_total");
  pod.child.signal("SIGSTOP");
  await until(`${pod.name} is stopped`, 5_000, () => stateOf(pod.child.pid) === "T");
  await sleep(msMax);
  const was_stopped = Number(stateOf(pod.child.pid) === "T");
  pod.child.signal("SIGCONT");
  const livesLost = async () => (await metricOf([pod], "moa_life_lost_total")) - lost;
  await becomes(BEYOND_LIFE_MS, async () => (await livesLost()) > 0);
  const lives_lost = await livesLost();
  await isWhole(scene);
  return { was_stopped, lives_lost };
}

export async function block(scene: Scene, pod: SitePod, ms: number): Promise<Facts> {
  const lost = await metricOf([pod], "moa_life_lost_total");
  const stood_ms = await blockLoop(pod, ms);
  await becomes(BEYOND_LIFE_MS, async () => (await metricOf([pod], "moa_life_lost_total")) > lost);
  const lives_lost = (await metricOf([pod], "moa_life_lost_total")) - lost;
  await isWhole(scene);
  return { stood_ms: Math.round(stood_ms), lives_lost };
}

/** The kernel refuses it memory until it ends by itself. */
export async function outOfMemory(scene: Scene, pod: SitePod): Promise<Facts> {
  return doomed(scene, pod, async () => {
    // What was reserved before lasts for long; a leak finds its end.
    await hoard(pod);
    starve(pod.child.pid as number);
    const died = Number(await becomes(60_000, () => pod.child.pid === undefined));
    if (died === 0) await pod.child.kill();
    await sleep(DOWN_MS);
    await pod.child.start();
    await isWhole(scene);
    return { died };
  });
}
