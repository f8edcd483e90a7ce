/**
 * docs/errors.md, docs/metrics.md and docs/settings.md are made from their catalogues and checked in, so that they can be
 * read without running anything and a change of one shows in review. A difference fails; `npm run docs` writes them.
 */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { settingsSchema } from "#common/config/schema.ts";
import { errorCatalogue, type Outcome } from "#common/kernel/errors.ts";
import { type MetricSpec, metricCatalogue } from "#common/observe/metric-catalogue.ts";
import type { Alert } from "#grafana/alerts/alert.ts";
import { alerts, ruleGroups, runbookOf } from "#grafana/alerts/rules.ts";
import { ROOT } from "./copied-tree.ts";
import { metricsIn } from "./rules/series-read.ts";

const DUTIES: Readonly<Record<Outcome, string>> = {
  retry: "back off and try again, within bounds",
  answer: "tell the person or peer, go on",
  close: "end the connection or the start",
  park: "keep it for an operator, with its reason",
};

interface Setting {
  readonly doc: string;
  readonly env: string;
  readonly default: unknown;
}

describe("documents made from catalogues", () => {
  it("docs/errors.md lists every error", async () => {
    const rows = Object.entries(errorCatalogue).map(([code, { outcome, says }]) => [`\`${code}\``, outcome, says]);
    const duties = Object.entries(DUTIES).map(([outcome, duty]) => `- **${outcome}**: ${duty}.`);
    const about = `Every error that moa throws on purpose. Its outcome is what the one who catches it must do:\n\n${duties.join("\n")}`;
    await expectDocument("errors", [about, table(["code", "outcome", "what it says"], rows)]);
  });

  it("docs/metrics.md lists every metric", async () => {
    const rows = Object.values<MetricSpec>(metricCatalogue).map(({ name, type, help, labels = {} }) => [
      `\`${name}\``,
      type,
      help,
      Object.entries(labels)
        .map(([label, values]) => `${label}: ${values.join(", ")}`)
        .join("; "),
      alertsReading(name).map(linkToRunbook).join(", "),
    ]);
    const about = [
      "Every metric of a pod, at `/metrics` on its ops port, besides Node's own. Units are those of the name's ending:",
      "seconds, bytes; without one, things. Labels come from closed lists only, and every series is there from the start.",
      "The last column has the alerts that read it, themselves or by a recording.",
    ].join("\n");
    await expectDocument("metrics", [about, table(["name", "type", "what it counts", "labels", "alerts"], rows)]);
  });

  it("docs/settings.md lists every setting", async () => {
    const rows = Object.values<Setting>(settingsSchema).map(({ env, default: value, doc }) => [
      `\`${env}\``,
      String(value) && `\`${value}\``,
      doc,
    ]);
    const about =
      "Every setting, read once at start-up. A wrong one stops the start with a list of all that are wrong.";
    await expectDocument("settings", [about, table(["variable", "default", "what it does"], rows)]);
  });
});

/** Names, each once. */
function alertsReading(metric: string): readonly string[] {
  const recordings = ruleGroups().flatMap(({ rules }) =>
    rules.flatMap(({ record, expr }) => (record ? [[record, expr] as const] : [])),
  );
  const reading = recordings.filter(([, expr]) => metricsIn(expr).has(metric)).map(([record]) => record);
  const reads = ({ expr }: Alert) => [...metricsIn(expr)].some((name) => name === metric || reading.includes(name));
  return [...new Set(alerts.filter(reads).map(({ name }) => name))];
}

function linkToRunbook(alert: string): string {
  return `[${alert}](runbooks/${runbookOf(alert)}.md)`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

async function expectDocument(name: string, parts: readonly string[]): Promise<void> {
  const text = [
    `# ${name[0]?.toUpperCase()}${name.slice(1)}`,
    "Made from the catalogue in the code: `npm run docs`.",
    ...parts,
  ];
  await expect(`${text.join("\n\n")}\n`).toMatchFileSnapshot(join(ROOT, "docs", `${name}.md`));
}
