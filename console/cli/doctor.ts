/**
 * `moa doctor`: looks at every pod, and through their eyes at Redis and MySQL; says of what is wrong what to do. Ends
 * with `failed` when something is bad, so that a script may wait for a deployment to be well.
 */
import type { Command } from "commander";
import { hasCode, type MoaError } from "#common/kernel/errors.ts";
import type { Finding } from "#common/ports/checkup.ts";
import type { Desk } from "./desk.ts";
import { EXIT } from "./exit-codes.ts";
import type { Pods } from "./pods.ts";
import { tableOf } from "./print.ts";

interface PodSeen {
  readonly service: string;
  readonly pod: string;
  readonly ports: Readonly<Record<string, number>>;
  readonly nowMs: number;
}

type Found = Finding & { readonly pod: string };

const SKEW_MS_MAX = 1_000;

export function addDoctor(program: Command, desk: Desk): void {
  program
    .command("doctor")
    .description("what is wrong, and what to do about it")
    .action(async () => {
      const { pods } = desk;
      const looks = await Promise.all((await pods.urls()).map((url) => look(pods.at(url), url, desk)));
      const findings = [...looks.flatMap(({ found }) => found), ...clocks(looks)];
      const rows = findings.map(({ pod, check, verdict, found, advice }) => [verdict, pod, check, found, advice]);
      desk.show({ findings }, tableOf(["", "pod", "check", "found", "what to do"], rows));
      if (looks.every(({ aheadMs }) => aheadMs === undefined)) desk.exitCode = EXIT.unreachable;
      else if (findings.some(({ verdict }) => verdict === "bad")) desk.exitCode = EXIT.failed;
    });
}

interface Look {
  readonly found: readonly Found[];
  /** The pod's clock against ours; undefined when it did not answer. */
  readonly aheadMs?: number;
}

async function look(pods: Pods, url: string, { surroundings }: Desk): Promise<Look> {
  try {
    // A first call would count the time of connecting as skew.
    const ready = await pods.probe(url, "/readyz");
    const beforeMs = surroundings.nowMs();
    const seen = await pods.one<PodSeen>({ method: "GET", path: "pod" });
    const aheadMs = seen.nowMs - (beforeMs + surroundings.nowMs()) / 2;
    const { findings } = await pods.one<{ findings: readonly Finding[] }>({ method: "GET", path: "doctor" });
    const own = [portsOf(seen), readiness(ready)];
    return { aheadMs, found: [...own, ...findings].map((one) => ({ pod: seen.pod, ...one })) };
  } catch (error) {
    // Without the right token nothing at all can be told.
    if (!hasCode(error, "pod_unreachable")) throw error;
    const advice = "Does it run, is this its ops port, and does it have a MOA_OPS_TOKEN?";
    return { found: [{ pod: url, check: "pod", verdict: "bad", found: (error as MoaError).message, advice }] };
  }
}

function portsOf({ service, ports }: PodSeen): Finding {
  const open = Object.entries(ports).map(([name, port]) => `${name} ${port}`);
  return { check: service, verdict: "good", found: `listens: ${open.join(", ")}`, advice: "" };
}

function readiness(ready: boolean): Finding {
  if (ready) return { check: "readiness", verdict: "good", found: "takes new connections", advice: "" };
  const advice = "It starts, stops, or is full: its log says which.";
  return { check: "readiness", verdict: "odd", found: "takes no new connections", advice };
}

/** Pods against each other: ours says nothing about theirs. */
function clocks(looks: readonly Look[]): readonly Found[] {
  const ahead = looks.flatMap(({ aheadMs }) => (aheadMs === undefined ? [] : [aheadMs]));
  if (ahead.length < 2) return [];
  const apartMs = Math.max(...ahead) - Math.min(...ahead);
  const base = { pod: "all", check: "clocks of the pods", found: `${apartMs.toFixed(0)} ms apart` };
  if (apartMs < SKEW_MS_MAX) return [{ ...base, verdict: "good", advice: "" }];
  return [{ ...base, verdict: "bad", advice: "Answers expire by these clocks: run NTP on all machines." }];
}
