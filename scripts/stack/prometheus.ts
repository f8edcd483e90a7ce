/**
 * A private Prometheus on 127.0.0.1 that scrapes pods as a cluster's would: each target has the labels `namespace`, `pod`
 * and `job` that the operator gives. Its first scrape comes about 6 s after its start, whatever the interval.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { stringify } from "yaml";
import { Child } from "./child.ts";
import { programOf } from "./program.ts";

const ASK_MS_MAX = 10_000;

export interface PrometheusPlace {
  readonly dir: string;
  readonly port: number;
  readonly logFile: string;
  readonly pods: readonly ScrapedPod[];
  /** Files of rules. */
  readonly rules: readonly string[];
}

export interface ScrapedPod {
  readonly name: string;
  readonly role: "gateway" | "worker";
  readonly opsPort: number;
}

/** Short, so that a run of a minute has windows enough; rules are judged as often. */
export const SCRAPE_EVERY_S = 1;

export function prometheusServer({ dir, port, logFile, pods, rules }: PrometheusPlace): Child {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const config = join(dir, "prometheus.yml");
  const every = `${SCRAPE_EVERY_S}s`;
  const targets = pods.map(({ name, role, opsPort }) => ({
    targets: [`127.0.0.1:${opsPort}`],
    labels: { namespace: "moa", pod: name, job: `moa/moa-${role === "worker" ? "workers" : role}` },
  }));
  const text = stringify({
    global: { scrape_interval: every, scrape_timeout: every, evaluation_interval: every },
    rule_files: rules,
    scrape_configs: [{ job_name: "moa", static_configs: targets }],
  });
  writeFileSync(config, text);
  return new Child({
    name: "prometheus",
    command: programOf("prometheus"),
    args: [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(dir, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--log.level=warn",
    ],
    env: () => process.env,
    logFile,
    ready: (_, signal) => untilReady(port, signal),
    readyMsMax: 30_000,
    stopMsMax: 5_000,
  });
}

async function untilReady(port: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const answer = await fetch(`http://127.0.0.1:${port}/-/ready`, { signal }).catch(() => null);
    if (answer?.ok) return;
    await sleep(20);
  }
}

export interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly state: "pending" | "firing";
  readonly activeAt: string;
}

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  /** Epoch seconds, and the value. */
  readonly values: readonly (readonly [at: number, value: number])[];
}

/** What a Prometheus is asked. */
export class PrometheusApi {
  readonly #base: string;

  constructor(port: number) {
    this.#base = `http://127.0.0.1:${port}/api/v1`;
  }

  /** From one epoch second to another. @throws Error with Prometheus' words when the query is none */
  async range(query: string, [start, end]: readonly [number, number]): Promise<readonly Series[]> {
    const asked = { query, start: `${start}`, end: `${end}`, step: `${SCRAPE_EVERY_S}` };
    const { result } = await this.#ask<{ result: readonly RawSeries[] }>("query_range", asked);
    return result.map(({ metric, values }) => ({ metric, values: values.map(([at, value]) => [at, Number(value)]) }));
  }

  /** Now; undefined when nothing has a value. The sum where there are several series. */
  async value(query: string): Promise<number | undefined> {
    const { result } = await this.#ask<{ result: readonly RawSample[] }>("query", { query });
    const values = result.map(({ value: [, value] }) => Number(value)).filter((value) => !Number.isNaN(value));
    return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0);
  }

  async alerts(): Promise<readonly Alert[]> {
    return (await this.#ask<{ alerts: readonly Alert[] }>("alerts", {})).alerts;
  }

  async #ask<Data>(what: string, asked: Readonly<Record<string, string>>): Promise<Data> {
    const url = `${this.#base}/${what}?${new URLSearchParams(asked)}`;
    const answer = await fetch(url, { signal: AbortSignal.timeout(ASK_MS_MAX) });
    const { status, error, data } = (await answer.json()) as { status: string; error?: string; data: Data };
    if (status !== "success") throw new Error(`${asked.query}: ${error}`);
    return data;
  }
}

interface RawSeries {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [at: number, value: string])[];
}

interface RawSample {
  readonly value: readonly [at: number, value: string];
}
