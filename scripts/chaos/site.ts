/**
 * What a run strikes: servers, pods and proxies as processes of this machine. Each pod has its own environment and, with
 * one Redis, its own proxy to it.
 *
 *   start: Redis and MariaDB ──> database ──> workers and gateways
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Child } from "#scripts/stack/child.ts";
import { ensureDatabase } from "#scripts/stack/database.ts";
import { freePort } from "#scripts/stack/free-port.ts";
import { mariadbServer } from "#scripts/stack/mariadb.ts";
import { type Pod, podOf } from "#scripts/stack/pod.ts";
import { FaultProxy } from "./fault-proxy.ts";
import { type Servers, serversOf, type Topology } from "./servers.ts";

export interface SiteOptions {
  readonly dir: string;
  readonly topology: Topology;
  readonly gateways: number;
  readonly workers: number;
  /** More settings of the pods. */
  readonly env?: Readonly<Record<string, string>>;
}

export const KEY_PREFIX = "moa-chaos:";
const ROOT = resolve(import.meta.dirname, "../..");
const PAGE_MS_MAX = 5_000;
const POLL_MS = 20;

export interface SitePod extends Pod {
  readonly name: string;
  /** Undefined where pods reach Redis without one. */
  readonly redis: FaultProxy | undefined;
  readonly inspectPort: number;
  readonly logFile: string;
}

export class Site {
  readonly options: SiteOptions;
  readonly servers: Servers;
  readonly mariadb: Child;
  readonly mysqlUrl: string;
  gateways: readonly SitePod[] = [];
  workers: readonly SitePod[] = [];
  /** Pods that ended though nobody struck them. */
  readonly deaths: string[] = [];
  /** Whose end is expected just now. */
  readonly doomed = new Set<string>();

  private constructor(options: SiteOptions, servers: Servers, mysql: { server: Child; url: string }) {
    this.options = options;
    this.servers = servers;
    this.mariadb = mysql.server;
    this.mysqlUrl = mysql.url;
  }

  /** Makes directories; starts nothing. */
  static async prepare(options: SiteOptions): Promise<Site> {
    const { dir, topology } = options;
    const place = { dir: join(dir, "mariadb"), port: await freePort(), logFile: join(dir, "logs", "mariadb.log") };
    return new Site(options, await serversOf(topology, dir), await mariadbServer(place));
  }

  async start(): Promise<void> {
    await Promise.all([this.servers.start(), this.mariadb.start()]);
    await ensureDatabase(this.mysqlUrl);
    const { gateways, workers } = this.options;
    this.workers = await Promise.all(Array.from({ length: workers }, (_, i) => this.pod("worker", i + 1)));
    this.gateways = await Promise.all(Array.from({ length: gateways }, (_, i) => this.pod("gateway", i + 1)));
    await Promise.all([...this.workers, ...this.gateways].map(({ child }) => child.start()));
  }

  /** One more pod, not started. */
  async pod(role: "gateway" | "worker", number: number): Promise<SitePod> {
    const { dir, env: more } = this.options;
    const name = `${role}-${number}`;
    const { single } = this.servers;
    const redis = single && (await FaultProxy.listen(single.port));
    const inspectPort = await freePort();
    const logFile = join(dir, "logs", `${name}.log`);
    // The product's worker, with commands that a chaos run needs and deaths at chosen steps of a turn.
    const main = join(ROOT, role === "gateway" ? "gateway/main.ts" : "test/fixtures/dying-worker.ts");
    const env = {
      ...Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith("MOA_"))),
      ...{ MOA_HOST: "127.0.0.1", MOA_KEY_PREFIX: KEY_PREFIX, MOA_LOG_LEVEL: "info", MOA_MARK_WRITES: "true" },
      ...{ MOA_BRIDGE_PORT: "0", MOA_OPS_PORT: "0", MOA_MYSQL_URL: this.mysqlUrl },
      ...(redis === undefined ? this.servers.env : { MOA_REDIS_URL: `redis://127.0.0.1:${redis.port}/0` }),
      DIE_PLAN: this.diePlanOf(name),
      NODE_OPTIONS: `--inspect-port=127.0.0.1:${inspectPort}`,
      ...more,
    };
    const pod = podOf({ name, main, env, logFile });
    pod.child.onDeath = (report) => {
      if (!this.doomed.has(name)) this.deaths.push(report);
    };
    return Object.assign(pod, { name, redis, inspectPort, logFile });
  }

  diePlanOf(worker: string): string {
    return join(this.options.dir, `${worker}.die-plan`);
  }

  get pods(): readonly SitePod[] {
    return [...this.gateways, ...this.workers];
  }

  get bridges(): readonly number[] {
    return this.gateways.map(({ ports }) => ports.bridge as number);
  }

  async stop(): Promise<void> {
    await Promise.all(this.gateways.map(({ child }) => child.stop()));
    await Promise.all(this.workers.map(({ child }) => child.stop()));
    await Promise.all([this.mariadb.stop(), this.servers.stop(), ...this.pods.map(({ redis }) => redis?.close())]);
  }
}

/** Sum over the pods that answer and over the series whose labels contain the text, e.g. `kind="abrupt"`. */
export async function metricOf(pods: readonly SitePod[], name: string, label = ""): Promise<number> {
  const pages = await Promise.all(pods.map(pageOf));
  return pages
    .flatMap((page) => page.split("\n"))
    .filter((line) => /^[^ {]+/.exec(line)?.[0] === name && line.includes(label))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}

async function pageOf({ ports }: SitePod): Promise<string> {
  const signal = AbortSignal.timeout(PAGE_MS_MAX);
  return fetch(`http://127.0.0.1:${ports.ops}/metrics`, { signal }).then(
    (page) => page.text(),
    () => "",
  );
}

/** `R`unning, `S`leeping, s`T`opped, ...; undefined when there is no such process. */
export function stateOf(pid: number | undefined): string | undefined {
  return /^State:\s+(\w)/m.exec(statusOf(pid))?.[1];
}

/** Resident memory, MiB; 0 when there is no such process. */
export function memoryOf(pid: number | undefined): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(statusOf(pid))?.[1] ?? 0) / 1_024;
}

function statusOf(pid: number | undefined): string {
  try {
    return pid === undefined ? "" : readFileSync(`/proc/${pid}/status`, "utf8");
  } catch {
    return "";
  }
}

/** CPU time of a process, ms. */
export function cpuMsOf(pid: number | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** No address space beyond what it has: its next larger allocation fails. */
export function starve(pid: number): void {
  execFileSync("prlimit", ["--pid", `${pid}`, "--as=1048576", "--data=1048576"]);
}

/** Polls until it is so. False when it is not in time. */
export async function becomes(msMax: number, isSo: () => boolean | Promise<boolean>): Promise<boolean> {
  const deadline = performance.now() + msMax;
  while (!(await isSo())) {
    if (performance.now() > deadline) return false;
    await sleep(POLL_MS);
  }
  return true;
}

/** @throws Error when it does not become so in time */
export async function until(what: string, msMax: number, isSo: () => boolean | Promise<boolean>): Promise<void> {
  if (!(await becomes(msMax, isSo))) throw new Error(`${what}: not within ${msMax} ms`);
}
