/**
 * The process around a pod: what gateway and worker do alike at start and stop. Parts start in order, the ops port
 * first, so that a start that hangs can be looked at; SIGTERM and SIGINT stop them in reverse, each within its deadline.
 *
 * Exit codes: 0 after a stop, 1 when the start failed (one line says why), 70 when something broke that nobody caught:
 * the state of the process cannot be trusted then, and everything is built to be taken over.
 */
import { hostname } from "node:os";
import { type Config, loadConfig } from "#common/config/load.ts";
import type { Clock } from "#common/kernel/clock.ts";
import { Lifecycle, type Part } from "#common/kernel/lifecycle.ts";
import type { Random } from "#common/kernel/random.ts";
import { createLogger, type Log } from "#common/observe/logger.ts";
import { createMetrics, type Metrics } from "#common/observe/metrics.ts";
import { OpsServer } from "#common/observe/ops-server.ts";
import { startTracing, type Tracing } from "#common/observe/tracing.ts";
import { systemClock } from "./clock.ts";
import { systemRandom } from "./random.ts";

export interface Pod {
  readonly podName: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
}

export interface PodMake {
  readonly parts: readonly Part[];
  /** False while it should get no new connections, though it runs. */
  ready?(): boolean;
  /** Ports in use, after the start, besides `ops`. */
  ports?(): Readonly<Record<string, number>>;
}

/** Reads the settings, starts what `make` gives, and returns; the parts keep the process alive. */
export async function runPod(
  service: "gateway" | "worker",
  make: (config: Config, pod: Pod) => PodMake,
): Promise<void> {
  const config = configOrExit(service);
  const podName = config.podName || hostname();
  const log = createLogger(podName, config.logLevel);
  const clock = systemClock();
  const random = systemRandom();
  const { metrics, expose, contentType } = createMetrics(true);
  const lifecycle = new Lifecycle(clock, (part, error) =>
    log.error({ tag: "SHUTDOWN", part, err: error }, "part stuck"),
  );
  exitOnSignals(lifecycle, log);
  let started = false;
  try {
    const tracing = await startTracing({ ...config, service, pod: podName, random });
    const made = make(config, { podName, clock, random, log, metrics, tracing });
    const ops = new OpsServer({
      host: config.host,
      port: config.opsPort,
      clock,
      log,
      ready: () => started && (made.ready?.() ?? true),
      started: () => started,
      metrics: { expose, contentType },
    });
    await lifecycle.start([{ name: "tracing", stop: () => tracing.stop() }, ops, ...made.parts]);
    started = true;
    const ports = { ...made.ports?.(), ops: ops.port };
    log.info({ tag: "STARTUP", service, ports }, "ready");
    process.send?.({ ready: true, ports });
  } catch (error) {
    log.error({ tag: "SHUTDOWN", err: error }, "start failed");
    process.exit(1);
  }
}

function configOrExit(service: string): Config {
  try {
    return loadConfig({ env: process.env, argv: process.argv.slice(2) });
  } catch (error) {
    createLogger(service, "error").error({ tag: "CONFIG", err: error }, "start failed");
    process.exit(1);
  }
}

function exitOnSignals(lifecycle: Lifecycle, log: Log): void {
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
