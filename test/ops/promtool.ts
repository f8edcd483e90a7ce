/** Rules as Prometheus itself reads them: promtool checks them, and runs an alert's two cases (alert.ts). */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import type { Alert, Series } from "#grafana/alerts/alert.ts";
import { LINKS, type Rule, type RuleGroup, ruleGroups, ruleOf } from "#grafana/alerts/rules.ts";

interface Ran {
  readonly ok: boolean;
  readonly said: string;
}

/** A tool of Debian's prometheus packages. One that is missing is a failure: an untested alert pages nobody. */
export function tool(name: "promtool" | "amtool", ...words: readonly string[]): Ran {
  const { status, stdout, stderr, error } = spawnSync(name, words, { encoding: "utf8" });
  if (error !== undefined) throw new Error(`${name} is not there (npm test installs it on Debian): ${error.message}`);
  return { ok: status === 0, said: `${stdout}${stderr}` };
}

export function checkRules(groups: readonly RuleGroup[]): Ran {
  return inFolder({ "rules.yml": { groups } }, (path) =>
    tool("promtool", "check", "rules", "--lint=all", "--lint-fatal", path("rules.yml")),
  );
}

/** Its rule stands alone beside the recordings that it reads: others of its name would be taken for it. */
export function runCases(alert: Alert): Ran {
  const { summary: _, ...links } = ruleOf(alert, LINKS).annotations ?? {};
  const isRead = ({ record }: Rule) => record !== undefined && alert.expr.includes(record);
  const recorded = ruleGroups().map((group) => ({ ...group, rules: group.rules.filter(isRead) }));
  const groups = [
    ...recorded.filter(({ rules }) => rules.length > 0),
    { name: "alert", interval: "30s", rules: [ruleOf(alert, LINKS)] },
  ];
  const { fires, quiet } = alert;
  const labels = { severity: alert.severity, ...fires.labels };
  const fired = [{ exp_labels: labels, exp_annotations: { summary: fires.says, ...links } }];
  const tests = [testOf(alert.name, fires, fired), testOf(alert.name, quiet, [])];
  const files = tests.map((test) => ({
    rule_files: ["rules.yml"],
    evaluation_interval: test.interval,
    // Without it alerts may look before what they read is recorded.
    group_eval_order: groups.map(({ name }) => name),
    tests: [test],
  }));
  return inFolder({ "rules.yml": { groups }, "fires.yml": files[0], "quiet.yml": files[1] }, (path) =>
    tool("promtool", "test", "rules", path("fires.yml"), path("quiet.yml")),
  );
}

interface Asked {
  readonly rules: readonly Rule[];
  readonly series: Series;
  /** Between two values and two evaluations. */
  readonly every: string;
}

interface Expression {
  readonly expr: string;
  readonly eval_time: string;
  readonly exp_samples: readonly object[];
}

/** What expressions come to over the series. */
export function runExpressions({ rules, series, every }: Asked, promql_expr_test: readonly Expression[]): Ran {
  const input_series = inputOf(series);
  const groups = rules.length > 0 ? [{ name: "read", interval: every, rules }] : [];
  const file = {
    rule_files: ["rules.yml"],
    evaluation_interval: every,
    tests: [{ interval: every, input_series, promql_expr_test }],
  };
  return inFolder({ "rules.yml": { groups }, "asked.yml": file }, (path) =>
    tool("promtool", "test", "rules", path("asked.yml")),
  );
}

function inputOf(series: Series): readonly object[] {
  return Object.entries(series).map(([name, values]) => ({ series: name, values }));
}

function testOf(
  alertname: string,
  { series, at, every = "1m" }: { readonly series: Series; readonly at: string; readonly every?: string },
  exp_alerts: readonly object[],
) {
  return {
    interval: every,
    input_series: inputOf(series),
    alert_rule_test: [{ eval_time: at, alertname, exp_alerts }],
  };
}

function inFolder(files: Readonly<Record<string, unknown>>, run: (path: (name: string) => string) => Ran): Ran {
  const folder = mkdtempSync(join(tmpdir(), "moa-rules-"));
  const path = (name: string) => join(folder, name);
  try {
    for (const [name, content] of Object.entries(files))
      writeFileSync(path(name), stringify(content, { lineWidth: 0 }));
    return run(path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
