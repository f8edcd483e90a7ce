/**
 * `npm run demo:ops [-- --json]`: the whole of moa with a Prometheus and a collector of traces, a fleet, and zombies: the
 * lines of many writers freeze at once, as when an antenna dies. It shows what operators see of it, and checks each.
 *
 *   fleet speaks ──> writers freeze ──> standbys write ──> the alert fires ──> panels and trace are read ──> verdict
 *
 * Exit code 0: all was seen. 1: something was not, and is named. 2: nothing could be started.
 */
import { parseArgs } from "node:util";
import { spanCatalogue } from "#common/observe/span-catalogue.ts";
import type { PanelEntry } from "#grafana/dashboards/panel.ts";
import { writers } from "#grafana/dashboards/writers.ts";
import { SWALLOW } from "./chaos/fault-proxy.ts";
import { outageOf, type Struck, writerLine } from "./chaos/scenarios/strike.ts";
import { becomes } from "./chaos/site.ts";
import { HASTENED_FOR } from "./ops/hastened-rules.ts";
import { shownBy } from "./ops/panel-values.ts";
import { WatchedSite } from "./ops/watched-site.ts";
import { type CollectedSpan, OtlpCollector } from "./stack/otlp-collector.ts";
import { type Alert, SCRAPE_EVERY_S } from "./stack/prometheus.ts";

/** More than ten, or the alert takes them for the usual deaths of phones. */
const FROZEN = 16;
const CROWD = 8;
const LINES_PER_S = 160;
const SEEN_MS_MAX = 60_000;
const EXPECTED = "MoaFailoverStorm";

/** Panels of Zombie writers, and what their last value must keep. */
const PANELS: Readonly<Record<string, { readonly least?: number; readonly most?: number }>> = {
  "Zombies found": { least: FROZEN - 0.5 },
  "Bots without a writer": { most: 0 },
  "Two writers at once": { most: 0 },
  "False verdicts": { most: 0 },
  "Outages within 5 s": { least: 0 },
  "Detect: T1-T0": { most: 6 },
  "Promote: T2-T1": { most: 1 },
  "Outage: T4-T0": { most: 7.5 },
};

interface Seen {
  readonly alert: Alert | undefined;
  readonly panels: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly span: CollectedSpan | undefined;
  readonly outagesMs: readonly number[];
}

const { values } = parseArgs({ options: { json: { type: "boolean" } } });
process.exitCode = await main(values.json ?? false).catch((error: unknown) => {
  console.error(error);
  return 2;
});

async function main(json: boolean): Promise<number> {
  say(`starting 2 gateways, 2 workers, Redis, MariaDB, Prometheus, a collector of traces, and ${FROZEN + CROWD} bots`);
  const collector = await OtlpCollector.listen();
  try {
    const watched = await WatchedSite.open({
      bots: { pair: FROZEN, crowd: CROWD },
      linesPerS: LINES_PER_S,
      env: { MOA_OTLP_URL: collector.url, MOA_TRACE_RATIO: "1" },
    });
    try {
      return verdictOf(await run(watched, collector), json);
    } finally {
      await watched.close();
    }
  } finally {
    await collector.close();
  }
}

async function run(watched: WatchedSite, collector: OtlpCollector): Promise<Seen> {
  const { scene, prometheus } = watched;
  const bots = scene.fleet.bots.filter(({ sort }) => sort === "pair");
  say(`${LINES_PER_S} lines a second are answered; each bot has two phones, one of which writes`);
  const struck = await Promise.all(bots.map((bot) => writerLine(scene, bot)));
  say(`the lines of ${FROZEN} writers freeze: nothing passes either way, and nobody is told`);
  const outages = bots.map((bot, i) => outageOf(scene, bot, struck[i] as Struck));
  for (const { line } of struck) line.set({ up: SWALLOW, down: SWALLOW });
  const outagesMs = await Promise.all(outages);
  say(
    `their rooms are answered by the other phone, after ${seconds(Math.min(...outagesMs))} to ${seconds(Math.max(...outagesMs))}`,
  );
  let alert: Alert | undefined;
  await becomes(SEEN_MS_MAX, async () => {
    const alerts = await prometheus.alerts();
    alert = alerts.find(({ labels, state }) => labels.alertname === EXPECTED && state === "firing");
    return alert !== undefined;
  });
  const isFound = () => collector.spans.some(isOfZombie);
  await becomes(SEEN_MS_MAX, isFound);
  return { alert, panels: await panelsOf(watched), span: collector.spans.find(isOfZombie), outagesMs };
}

function isOfZombie({ name, attributes }: CollectedSpan): boolean {
  return name === spanCatalogue.failover.name && attributes["moa.reason"] === "barrier_timeout";
}

/** The last value of each query. */
async function panelsOf(watched: WatchedSite): Promise<Seen["panels"]> {
  const all: readonly PanelEntry[] = writers.rows.flatMap(({ panels }) => panels);
  const { window } = watched;
  const read = Object.keys(PANELS).map(async (title) => {
    const panel = all.find((one) => one.title === title);
    if (panel === undefined) throw new Error(`there is no panel "${title}"`);
    const shown = await shownBy(watched.prometheus, panel, window);
    return [
      title,
      Object.fromEntries(shown.map(({ legend, values }) => [legend, values.at(-1) ?? Number.NaN])),
    ] as const;
  });
  return Object.fromEntries(await Promise.all(read));
}

function verdictOf({ alert, panels, span, outagesMs }: Seen, json: boolean): number {
  say(
    `alert    ${alert === undefined ? "none fired" : `${alert.labels.alertname} (${alert.labels.severity}): ${alert.annotations.summary}`}`,
  );
  say(
    `         its rule is the one that is shipped, judged every ${SCRAPE_EVERY_S} s and with ${HASTENED_FOR} in the place of minutes of patience`,
  );
  say(`runbook  ${alert?.annotations.runbook_url}`);
  say(`board    ${alert?.annotations.dashboard_url}`);
  for (const [title, queries] of Object.entries(panels)) {
    const said = Object.entries(queries).map(([legend, value]) => `${legend} ${figure(value)}`);
    say(`panel    ${title.padEnd(24)} ${said.join(", ")}`);
  }
  say(
    `trace    ${span === undefined ? "none" : `${span.traceId} (${span.name} of ${span.service}, ${span.attributes["moa.reason"]})`}`,
  );
  const failed = [
    ...(alert === undefined ? [`${EXPECTED} did not fire`] : []),
    ...(span === undefined ? ["no trace of a failover came"] : []),
    ...(outagesMs.some(Number.isNaN) ? ["a bot was not answered again"] : []),
    ...Object.entries(panels).flatMap(([title, queries]) => beyond(title, queries)),
  ];
  for (const what of failed) say(`FAILED   ${what}`);
  if (json) {
    const seen = { alert: alert?.labels.alertname ?? null, trace: span?.traceId ?? null, panels };
    console.log(JSON.stringify({ demo: "ops", verdict: failed.length === 0 ? "pass" : "fail", ...seen, failed }));
  }
  return failed.length === 0 ? 0 : 1;
}

function beyond(title: string, queries: Readonly<Record<string, number>>): readonly string[] {
  const { least = Number.NEGATIVE_INFINITY, most = Number.POSITIVE_INFINITY } = PANELS[title] ?? {};
  return Object.entries(queries)
    .filter(([, value]) => !(value >= least && value <= most))
    .map(([legend, value]) => `${title}, ${legend} is ${figure(value)}`);
}

function say(text: string): void {
  console.log(`moa: ${text}`);
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

function figure(value: number): string {
  return Number.isNaN(value) ? "nothing" : String(Math.round(value * 1_000) / 1_000);
}
