/**
 * The process around a pod: what gateway and worker do alike at start and stop. Parts start in order, the ops port
 * first, so that a start that hangs can be looked at; SIGTERM and SIGINT stop them in reverse, each within its deadline.
 *
 * Exit codes: 0 after a stop, 1 when the start failed (one line says why), 70 when something broke that nobody caught:
 * the state of the process cannot be trusted then, and everything is built to be taken over.
 *
 * SIGUSR2 turns the log to debug and back: it needs nothing but a shell, also when the ops port has no token.
 */
import { hostname } from "node:os";
import { getHeapStatistics } from "node:v8";
import { type Config, configHash, describeConfig, loadConfig } from "#common/config/load.ts";
import type { Clock } from "#common/kernel/clock.ts";
import { Lifecycle, type Part } from "#common/kernel/lifecycle.ts";
import type { Random } from "#common/kernel/random.ts";
import { AdminDoor, type AdminRoutes } from "#common/observe/admin-door.ts";
import { podRoutes } from "#common/observe/admin-routes.ts";
import { createLogger, type PodLog } from "#common/observe/logger.ts";
import { createMetrics, type Metrics } from "#common/observe/metrics.ts";
import { OpsServer } from "#common/observe/ops-server.ts";
import { BUILD } from "#common/observe/pod-metrics.ts";
import { startTracing, type Tracing } from "#common/observe/tracing.ts";
import type { Audit } from "#common/ports/administration.ts";
import { systemClock } from "./clock.ts";
import { systemRandom } from "./random.ts";

export interface Pod {
  readonly podName: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: PodLog;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
}

export interface PodMake {
  readonly parts: readonly Part[];
  /** False while it should get no new connections, though it runs. */
  ready?(): boolean;
  /** Ports in use, after the start, besides `ops`. */
  ports?(): Readonly<Record<string, number>>;
  /** What operators may ask of it, besides what every pod answers. */
  readonly admin: { readonly routes: AdminRoutes; readonly audit: Pick<Audit, "record"> };
}

/** Reads the settings, starts what `make` gives, and returns; the parts keep the process alive. */
export async function runPod(
  service: "gateway" | "worker",
  make: (config: Config, pod: Pod) => PodMake,
): Promise<void> {
  const config = configOrExit(service);
  const podName = config.podName || hostname();
  const log = createLogger(podName, config.logLevel);
  tellSettings(config, log);
  const clock = systemClock();
  const random = systemRandom();
  const { metrics, expose, contentType } = createMetrics(true);
  metrics.build.set(1, { service, ...BUILD });
  metrics.configHash.set(configHash(config));
  metrics.heapLimitBytes.set(getHeapStatistics().heap_size_limit);
  const lifecycle = new Lifecycle(clock, (part, error) =>
    log.error({ tag: "SHUTDOWN", part, err: error }, "part stuck"),
  );
  exitOnSignals(lifecycle, log);
  toggleDebugOnSignal(config, log);
  let started = false;
  try {
    const tracing = await startTracing({ ...config, service, pod: podName, random, metrics });
    const made = make(config, { podName, clock, random, log, metrics, tracing });
    const ports = () => ({ ...made.ports?.(), ops: ops.port });
    const routes = { ...podRoutes({ service, podName, clock, log, ports, ...made.admin }), ...made.admin.routes };
    const ops: OpsServer = new OpsServer({
      host: config.host,
      port: config.opsPort,
      clock,
      log,
      ready: () => started && (made.ready?.() ?? true),
      started: () => started,
      metrics: { expose, contentType },
      admin:
        config.opsToken === "" ? undefined : new AdminDoor({ token: config.opsToken, routes, clock, log, tracing }),
    });
    await lifecycle.start([{ name: "tracing", stop: () => tracing.stop() }, ops, ...made.parts]);
    started = true;
    log.info({ tag: "STARTUP", service, ports: ports() }, "ready");
    process.send?.({ ready: true, ports: ports() });
  } catch (error) {
    log.error({ tag: "SHUTDOWN", err: error }, "start failed");
    process.exit(1);
  }
}

/** Does one thing with the settings of a pod and exits: 0 when it is done, 1 when not, with one line that says why. */
export async function runOnce(
  service: string,
  run: (config: Config, pod: Omit<Pod, "podName" | "tracing">) => Promise<void>,
): Promise<void> {
  const config = configOrExit(service);
  const log = createLogger(config.podName || hostname(), config.logLevel);
  tellSettings(config, log);
  const { metrics } = createMetrics(true);
  try {
    await run(config, { clock: systemClock(), random: systemRandom(), log, metrics });
    log.info({ tag: "SHUTDOWN", service }, "done");
  } catch (error) {
    log.error({ tag: "SHUTDOWN", service, err: error }, "failed");
    process.exitCode = 1;
  }
}

function sources() {
  return { env: process.env, argv: process.argv.slice(2) };
}

/** Which settings were given, and where; their values stay in their sources. */
function tellSettings(config: Config, log: PodLog): void {
  const given = describeConfig(sources()).flatMap(({ variable, from }) =>
    from === "default" ? [] : [[variable, from]],
  );
  const rules = { mode: config.mode, approval: config.approval, hmac: config.hmac, insecure: config.insecure };
  log.info({ tag: "CONFIG", ...rules, given: Object.fromEntries(given) }, "settings");
}

function configOrExit(service: string): Config {
  try {
    return loadConfig(sources());
  } catch (error) {
    createLogger(service, "error").error({ tag: "CONFIG", err: error }, "start failed");
    process.exit(1);
  }
}

function toggleDebugOnSignal({ logLevel }: Config, log: PodLog): void {
  process.on("SIGUSR2", () => {
    log.setLevel(log.leastLevel() === "debug" ? logLevel : "debug");
    log.info({ tag: "CONFIG", logLevel: log.leastLevel() }, "log level");
  });
}

function exitOnSignals(lifecycle: Lifecycle, log: PodLog): void {
  const stop = async (signal: string) => {
    log.info({ tag: "SHUTDOWN", signal }, "stopping");
    await lifecycle.stop();
    log.info({ tag: "SHUTDOWN" }, "stopped");
    process.exit(0);
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => void stop(signal));
  const broken = (error: unknown) => {
    log.error({ tag: "SHUTDOWN", err: error }, "broken");
    process.exit(70);
  };
  process.on("uncaughtException", broken);
  process.on("unhandledRejection", broken);
}
