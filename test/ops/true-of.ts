/** Whether an alert's own expression is true of what pods show, by Prometheus' own tool and without a Prometheus. */
import { expect } from "vitest";
import { alerts, type Rule, ruleGroups } from "#grafana/alerts/rules.ts";
import type { Pod } from "#scripts/stack/pod.ts";
import { runExpressions } from "./promtool.ts";

const PAGE_MS_MAX = 5_000;
/** Scrapes before, in which nothing moves, and after: an expression looks back over some of both. */
const BEFORE = 9;
const AFTER = 4;
const EVERY_S = 15;

/** What the pods that answer show at one moment: values by series. */
export type Scrape = ReadonlyMap<string, string>;

export async function scrapeOf(pods: readonly Pod[]): Promise<Scrape> {
  const pages = await Promise.all(pods.map(pageOf));
  return new Map(pages.flat());
}

async function pageOf({ child, ports }: Pod): Promise<(readonly [series: string, value: string])[]> {
  const signal = AbortSignal.timeout(PAGE_MS_MAX);
  const asked = fetch(`http://127.0.0.1:${ports.ops}/metrics`, { signal });
  const page = await asked.then((answer) => answer.text()).catch(() => "");
  return page
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [, name, labels = ""] = /^([^ {]+)(?:{(.*)})? /.exec(line) ?? [];
      return [`${name}{pod="${child.name}"${labels && `,${labels}`}}`, line.slice(line.lastIndexOf(" ") + 1)] as const;
    });
}

/**
 * That its condition was not met at the first scrape, and is at the last, as if this were how it stays. How long it has to
 * last is not asked: that is `for`, and its own test's.
 */
export function expectTrue(name: string, scrapes: readonly Scrape[]): void {
  const alert = alerts.find((one) => one.name === name);
  if (alert === undefined) throw new Error(`no alert is called ${name}`);
  const isRead = ({ record }: Rule) => record !== undefined && alert.expr.includes(record);
  const read = ruleGroups().flatMap(({ rules }) => rules.filter(isRead));
  const families = [alert, ...read].flatMap(({ expr }) => expr.match(/\b(?:moa|nodejs|process)_\w+/g) ?? []);
  const series = seriesOf(scrapes, new Set(families));
  const at = (step: number) => `${step * EVERY_S}s`;
  const last = BEFORE + scrapes.length - 1 + AFTER - 1;
  const asked = { rules: read, series, every: `${EVERY_S}s` };
  const said = runExpressions(asked, [
    { expr: `count(${alert.expr})`, eval_time: at(BEFORE - 1), exp_samples: [] },
    { expr: `count(${alert.expr}) > bool 0`, eval_time: at(last), exp_samples: [{ labels: "{}", value: 1 }] },
  ]);
  expect(said, `${name}\n${JSON.stringify(series, null, 1).slice(0, 4_000)}`).toMatchObject({ ok: true });
}

function seriesOf(scrapes: readonly Scrape[], families: ReadonlySet<string>): Record<string, string> {
  const of = (series: string) => /^\w+/.exec(series)?.[0] ?? "";
  const names = new Set(scrapes.flatMap((scrape) => [...scrape.keys()]).filter((one) => families.has(of(one))));
  const times = [BEFORE, ...scrapes.slice(1, -1).map(() => 1), AFTER];
  const values = (name: string) =>
    scrapes.flatMap((scrape, i) => new Array<string>(times[i] as number).fill(scrape.get(name) ?? "_"));
  return Object.fromEntries([...names].map((name) => [name, values(name).join(" ")]));
}
