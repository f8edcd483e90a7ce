/** One look at one pod through its ops port, and what two looks one after another say of it. */
import { hasCode } from "#common/kernel/errors.ts";
import type { DrainSeen } from "#common/observe/drain-routes.ts";
import type { Pods } from "./pods.ts";
import { MetricsPage } from "./prometheus-text.ts";

export interface PodLook {
  readonly kind: "gateway" | "worker";
  readonly pod: string;
  readonly state: "ready" | "unready" | "draining" | "drained";
  readonly page: MetricsPage;
  /** Since any time, ms. */
  readonly atMs: number;
}

/** Rates are a second's, null at the first look; `away` pods keep nothing but their name. */
export interface PodShown {
  readonly pod: string;
  readonly kind: "gateway" | "worker" | "unknown";
  readonly state: PodLook["state"] | "away";
  readonly cpuPercent: number | null;
  readonly memoryMib: number;
  /** 99th percentile of the event loop's lag. */
  readonly loopMs: number;
  readonly connections: number;
  readonly writers: number;
  readonly standbys: number;
  readonly zombies: number;
  readonly writerless: number;
  readonly lanes: number;
  readonly backlog: number;
  readonly oldestMs: number;
  readonly parked: number;
  /** Appended by a gateway, handled by a worker. */
  readonly linesPerS: number | null;
  /** Confirmed by a gateway's phones. */
  readonly answersPerS: number | null;
}

/** @throws MoaError pod_unreachable, not_authorised */
export async function lookAt(pods: Pods, url: string, nowMs: () => number): Promise<PodLook> {
  const pod = pods.at(url);
  const [named, ready, page] = await Promise.all([
    pod.one<{ service: PodLook["kind"]; pod: string }>({ method: "GET", path: "pod" }),
    pod.probe(url, "/readyz"),
    pod.metrics(url),
  ]);
  const drain = ready ? "serving" : await drainOf(pod);
  const calm = ready ? "ready" : "unready";
  const state = drain === "serving" ? calm : drain;
  return { kind: named.service, pod: named.pod, state, page: new MetricsPage(page), atMs: nowMs() };
}

async function drainOf(pod: Pods): Promise<DrainSeen["state"]> {
  try {
    return (await pod.one<DrainSeen>({ method: "GET", path: "drain" })).state;
  } catch (error) {
    // A worker is not drained by operators.
    if (hasCode(error, "not_served")) return "serving";
    throw error;
  }
}

export function shownOf({ pod, kind, state, page, atMs }: PodLook, before: PodLook | undefined): PodShown {
  const perS = (name: string, label?: string) => {
    if (before === undefined || before.pod !== pod || atMs <= before.atMs) return null;
    // A pod that was started again begins at 0.
    const more = Math.max(0, page.sum(name, label) - before.page.sum(name, label));
    return (more * 1_000) / (atMs - before.atMs);
  };
  const cpu = perS("process_cpu_seconds_total");
  const role = (name: string) => page.sum("moa_connections", `role="${name}"`);
  return {
    pod,
    kind,
    state,
    cpuPercent: cpu === null ? null : cpu * 100,
    memoryMib: page.sum("process_resident_memory_bytes") / 2 ** 20,
    loopMs: page.sum("nodejs_eventloop_lag_p99_seconds") * 1_000,
    connections: page.sum("moa_connections"),
    writers: role("writer"),
    standbys: role("standby"),
    zombies: role("zombie"),
    writerless: page.sum("moa_writerless_bots"),
    lanes: page.sum("moa_lanes_owned"),
    backlog: page.sum("moa_lane_backlog_events"),
    oldestMs: page.sum("moa_lane_oldest_event_age_seconds") * 1_000,
    parked: page.sum("moa_parked_events"),
    linesPerS: perS(kind === "gateway" ? "moa_messages_appended_total" : "moa_messages_handled_total", 'kind="chat"'),
    answersPerS: perS("moa_actions_delivered_total", 'result="confirmed"'),
  };
}

export function awayOf(url: string, last: PodLook | undefined): PodShown {
  const none = new MetricsPage("");
  const { pod = new URL(url).host, kind = "unknown" as const } = last ?? {};
  const blank = shownOf({ pod, kind: "worker", state: "unready", page: none, atMs: 0 }, undefined);
  return { ...blank, kind, state: "away" };
}
