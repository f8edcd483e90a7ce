/**
 * `node test/ops/rolling.ts [--seconds S] [--rate R] [--bots B] [--gateways N] [--workers M] --json`: every gateway and
 * every worker of a stack under load is replaced as a Deployment with maxSurge 1 and maxUnavailable 0 replaces them:
 *
 *   new pod started ─> ready ─> it takes the old one's place in the balancer ─> SIGTERM to the old one ─> ended ─> next
 *
 * Phones dial one address, as through a Service, and come back as real ones do. The fleet's verdict (scripts/fleet)
 * counts what was lost, doubled or reordered; the fleet speaks until the last pod is replaced and a while longer.
 *
 * A line that left its phone must be accepted: a gateway that drains hears its phones out. What a phone could not send,
 * because it had no connection just then and its dialect keeps no queue, is told (`never_left_phone`) and not judged.
 *
 * Exit code 0: passed. 1: not so. 2: no run.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type Pod, podOf } from "#scripts/stack/pod.ts";
import { Balancer } from "#test/fixtures/balancer.ts";
import { KEY_PREFIX, logsOf, type OwnStack, ownStack } from "#test/fixtures/own-stack.ts";
import { answersWritten, until } from "#test/stack/site.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const START_MS_MAX = 60_000;
const READY_MS_MAX = 30_000;
/** All phones are there and speak before the first pod goes, and after the last one has gone. */
const CALM_MS = 2_000;
/** A phone that was cut off is back within seconds; what has not come by then will not. */
const SETTLE_S = 10;

export interface RollPlan {
  /** How long the fleet speaks at least: it must outlast the roll. */
  readonly seconds: number;
  /** Lines a second over all phones. */
  readonly rate: number;
  readonly bots: number;
  readonly gateways: number;
  readonly workers: number;
}

export interface RollReport extends RollPlan {
  readonly verdict: "pass" | "fail";
  readonly failed: readonly string[];
  readonly fleet: Readonly<Record<string, number | null>>;
  readonly replaced: number;
  readonly roll_s: number;
  /** From SIGTERM to the process's end. */
  readonly longest_end_ms: number;
}

type Rolled = Pick<RollReport, "replaced" | "roll_s" | "longest_end_ms"> & { readonly cutOff: readonly string[] };

/** Boots and removes its stack. */
export async function roll(plan: RollPlan): Promise<RollReport> {
  const own = await ownStack(plan);
  const balancer = await Balancer.listen();
  const fresh: Pod[] = [];
  let kill = () => {};
  try {
    await own.start();
    balancer.backends = own.stack.gateways.map(bridgeOf);
    const fleet = startFleet(plan, own.dir, balancer.port);
    kill = fleet.kill;
    const before = await answersWritten(own.stack);
    const speaking = async () => (await answersWritten(own.stack)) - before > plan.rate;
    await until("the fleet is answered", START_MS_MAX, speaking);
    await sleep(CALM_MS);
    const { cutOff, ...rolled } = await replaceAll(own, balancer, fresh);
    const isOver = fleet.isSilent();
    const { code, figures } = await fleet.end;
    const failed = [
      ...(isOver ? ["void: the fleet was silent before the last pod was replaced"] : []),
      ...(code === 0 ? [] : [`the fleet ended with exit code ${code}`]),
      ...cutOff.map((pod) => `${pod} did not stop by itself`),
      ...(figures.not_accepted === figures.never_left_phone ? [] : ["lines left their phones and were not accepted"]),
      ...(figures.unshown === 0 ? [] : [`${figures.unshown} answers were not shown`]),
    ];
    if (failed.length > 0) process.stderr.write(`${logsOf(own.stack)}\n`);
    return { ...plan, verdict: failed.length === 0 ? "pass" : "fail", failed, fleet: figures, ...rolled };
  } finally {
    kill();
    balancer.close();
    await Promise.all(fresh.map(({ child }) => child.stop()));
    await own.remove();
  }
}

/** Both Deployments at once, as one release changes both. @param fresh gets the new pods, which are nobody else's to stop */
async function replaceAll(own: OwnStack, balancer: Balancer, fresh: Pod[]): Promise<Rolled> {
  const startedMs = performance.now();
  const { gateways, workers } = own.stack;
  const serving = [...gateways];
  const balance = (pod: Pod, old: Pod) => {
    serving.splice(serving.indexOf(old), 1, pod);
    balancer.backends = serving.map(bridgeOf);
  };
  const ends = await Promise.all([
    replace(own, { old: gateways, role: "gateway", fresh, onReady: balance }),
    replace(own, { old: workers, role: "worker", fresh, onReady: () => {} }),
  ]);
  await sleep(CALM_MS);
  return {
    replaced: fresh.length,
    roll_s: Math.round((performance.now() - startedMs) / 1_000),
    longest_end_ms: Math.max(...ends.flatMap(({ endMs }) => endMs)),
    cutOff: ends.flatMap(({ cutOff }) => cutOff),
  };
}

interface Replacement {
  readonly old: readonly Pod[];
  readonly role: "gateway" | "worker";
  readonly fresh: Pod[];
  onReady(pod: Pod, old: Pod): void;
}

/** One after the other, the new one first. */
async function replace(own: OwnStack, { old, role, fresh, onReady }: Replacement) {
  const endMs: number[] = [];
  const cutOff: string[] = [];
  for (const [i, one] of old.entries()) {
    const pod = freshPod(own, `${role}-new-${i + 1}`, role);
    fresh.push(pod);
    await pod.child.start();
    await until(`${pod.child.name} is ready`, READY_MS_MAX, () => isReady(pod));
    onReady(pod, one);
    const stoppedMs = performance.now();
    await one.child.stop();
    endMs.push(Math.round(performance.now() - stoppedMs));
    if (!one.child.logTail(3).includes('"msg":"stopped"')) cutOff.push(one.child.name);
  }
  return { endMs, cutOff };
}

/** As the stack's own, under a name that is not taken: a ReplicaSet gives none twice. */
function freshPod({ stack, dir }: OwnStack, name: string, role: "gateway" | "worker"): Pod {
  const clean = Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith("MOA_")));
  const servers = { MOA_REDIS_URL: stack.redisUrl, MOA_MYSQL_URL: stack.mysqlUrl, MOA_KEY_PREFIX: KEY_PREFIX };
  const places = { MOA_HOST: "127.0.0.1", MOA_BRIDGE_PORT: "0", MOA_OPS_PORT: "0" };
  const main = join(ROOT, role === "gateway" ? "gateway/main.ts" : "workers/main.ts");
  return podOf({ name, main, env: { ...clean, ...servers, ...places }, logFile: join(dir, "logs", `${name}.log`) });
}

async function isReady({ ports }: Pod): Promise<boolean> {
  return (await fetch(`http://127.0.0.1:${ports.ops}/readyz`)).ok;
}

function bridgeOf({ ports }: Pod): number {
  return ports.bridge as number;
}

function startFleet({ seconds, rate, bots }: RollPlan, dir: string, port: number) {
  const load = ["--bots", `${bots}`, "--rate", `${rate}`, "--seconds", `${seconds}`, "--port", `${port}`];
  const args = ["scripts/fleet.ts", ...load, "--settle", `${SETTLE_S}`, "--json"];
  const env = { ...process.env, MOA_DATA_DIR: dir };
  const child = spawn(process.execPath, args, { cwd: ROOT, env, stdio: ["ignore", "pipe", "inherit"] });
  const parts: Buffer[] = [];
  const startedMs = performance.now();
  child.stdout.on("data", (part: Buffer) => parts.push(part));
  const closed = once(child, "close") as Promise<[number | null]>;
  const end = closed.then(([code]) => {
    const output = Buffer.concat(parts).toString();
    const last = output.trimEnd().split("\n").at(-1) ?? "";
    if (!last.startsWith("{")) throw new Error(`the fleet gave no verdict (exit code ${code}):\n${output}`);
    return { code, figures: JSON.parse(last) as RollReport["fleet"] };
  });
  // Heard when the roll is over; one that failed before it speaks for both.
  end.catch(() => {});
  return {
    end,
    isSilent: () => performance.now() - startedMs > seconds * 1_000,
    kill: () => void child.kill("SIGKILL"),
  };
}

async function main(): Promise<number> {
  const number = (value: string) => ({ type: "string", default: value }) as const;
  const { values } = parseArgs({
    options: {
      ...{
        seconds: number("90"),
        rate: number("500"),
        bots: number("200"),
        gateways: number("2"),
        workers: number("2"),
      },
      json: { type: "boolean" },
    },
  });
  const { json: _, ...given } = values;
  const plan = Object.fromEntries(Object.entries(given).map(([name, value]) => [name, Number(value)]));
  const report = await roll(plan as unknown as RollPlan);
  process.stdout.write(`${JSON.stringify(report)}\n`);
  return report.verdict === "pass" ? 0 : 1;
}

if (import.meta.main) {
  process.exitCode = await main().catch((error: Error) => {
    process.stderr.write(`${error.stack}\n`);
    return 2;
  });
}
