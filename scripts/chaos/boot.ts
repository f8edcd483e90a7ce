/**
 * One boot: a site of one topology, its phones, its faults, and what came of it.
 *
 *   start ──> all phones welcomed ──> they speak, faults are made ──> silence, until nothing changes ──> judged ──> removed
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { makeFaults } from "./faults.ts";
import { ChaosFleet } from "./fleet.ts";
import { History } from "./history.ts";
import { type BootVerdict, judge } from "./judge.ts";
import type { ChaosOptions } from "./options.ts";
import { followLog } from "./pod-log.ts";
import { ChaosRecord, inFlight } from "./record.ts";
import type { Topology } from "./servers.ts";
import { memoryOf, metricOf, Site } from "./site.ts";
import { Texts } from "./texts.ts";

const LOOK_EVERY_MS = 1_000;
/** Nothing was shown for so long: what is missing now will not come. */
const QUIET_MS = 10_000;
/** An answer that found no phone waits that long for one. */
const SETTLE_MS_MAX = 150_000;

export interface BootPlan extends ChaosOptions {
  readonly topology: Topology;
  readonly ms: number;
}

export async function runBoot(plan: BootPlan): Promise<BootVerdict> {
  const { topology } = plan;
  const dir = mkdtempSync(join(tmpdir(), `moa-chaos-${topology}-`));
  const history = new History(plan.keep ? join(dir, "history.jsonl") : undefined);
  const run = randomBytes(4).toString("hex");
  const texts = new Texts(run);
  const fleet = new ChaosFleet(history, texts);
  const site = await Site.prepare({ dir, topology, gateways: 2, workers: 2 });
  const ends: (() => void | Promise<void>)[] = [];
  try {
    await site.start();
    const record = await ChaosRecord.open(site);
    ends.push(() => record.close());
    const follows = site.pods.map(({ logFile }) => followLog(logFile, history));
    const watch = new Watch(site);
    ends.push(() => watch.end());
    await openFleet(fleet, { site, plan, run });
    const startedAt = Date.now();
    fleet.speak();
    const scene = { site, fleet, history, run, stoppedMs: plan.stoppedMs };
    await makeFaults(scene, {
      ...plan,
      msMin: plan.ms,
      onFault: (fault) => console.log(lineOfFault(fault, startedAt)),
    });
    fleet.hush();
    await settle(history, fleet, record);
    for (const end of follows) end();
    const rows = await record.rows(texts, fleet.textsMax);
    const kept = { rows, lanes: await record.lanes(), effectsTwice: await record.effectsTwice() };
    await watch.look();
    const { lateLines, peaks: memory } = watch;
    return judge({ history, texts, fleet, kept, lateLines, deaths: site.deaths, memory, topology });
  } finally {
    for (const end of ends) await end();
    await fleet.close();
    await site.stop();
    await history.close();
    if (plan.keep) console.log(`chaos: logs and history of ${topology} are in ${dir}`);
    else rmSync(dir, { recursive: true, force: true });
  }
}

async function openFleet(
  fleet: ChaosFleet,
  { site, plan, run }: { site: Site; plan: BootPlan; run: string },
): Promise<void> {
  const { bots, crowd, rate } = plan;
  const counts = {
    crowd,
    pair: bots,
    alone: bots,
    idle: Math.ceil(bots / 2),
    stoppable: Math.ceil(bots / 3),
    spare: 1,
  };
  await fleet.open({ bridges: site.bridges, counts, linesPerS: rate, run });
}

/** Until all phones are back, nothing is in flight and nothing new was shown for a while. */
async function settle(history: History, fleet: ChaosFleet, record: ChaosRecord): Promise<void> {
  const deadline = Date.now() + SETTLE_MS_MAX;
  let [seen, changedAt] = [history.length, Date.now()];
  while (Date.now() < deadline) {
    if (history.length !== seen) [seen, changedAt] = [history.length, Date.now()];
    const isDone = fleet.isWhole() && (await record.lanes().then(inFlight, () => 1)) === 0;
    if (isDone && Date.now() - changedAt > QUIET_MS) return;
    await sleep(250);
  }
}

/** What is seen of the pods once a second: the most memory that each ever had, and a counter that dies with its process. */
class Watch {
  /** By pod, MiB. */
  readonly peaks = new Map<string, number>();
  readonly #site: Site;
  /** By process: a pod that does not answer says nothing, and one that was started again begins at 0. */
  readonly #late = new Map<number, number>();
  readonly #timer: NodeJS.Timeout;

  constructor(site: Site) {
    this.#site = site;
    this.#timer = setInterval(() => void this.look(), LOOK_EVERY_MS);
  }

  get lateLines(): number {
    return [...this.#late.values()].reduce((sum, lines) => sum + lines, 0);
  }

  async look(): Promise<void> {
    for (const { name, child } of this.#site.pods) {
      this.peaks.set(name, Math.max(this.peaks.get(name) ?? 0, memoryOf(child.pid)));
    }
    for (const worker of this.#site.workers) {
      const { pid } = worker.child;
      if (pid === undefined) continue;
      const lines = await metricOf([worker], "moa_late_lines_total");
      this.#late.set(pid, Math.max(this.#late.get(pid) ?? 0, lines));
    }
  }

  end(): void {
    clearInterval(this.#timer);
  }
}

function lineOfFault(
  { at, endedAt, scenario, bot, facts, failed }: Parameters<Parameters<typeof makeFaults>[1]["onFault"]>[0],
  startedAt: number,
): string {
  const when = `${((at - startedAt) / 1_000).toFixed(1).padStart(7)} s +${((endedAt - at) / 1_000).toFixed(1)}`;
  const what = `${when.padEnd(18)} ${scenario.padEnd(28)} ${(bot ?? "").padEnd(18)}`;
  return `${what} ${JSON.stringify(facts)}${failed.length > 0 ? `  FAILED: ${failed.join("; ")}` : ""}`;
}
