/** The example for Alertmanager: taken by Alertmanager's own tool, right about who is told, and about alerts that exist. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { alerts } from "#grafana/alerts/rules.ts";
import { tool } from "./promtool.ts";

const FILE = join(import.meta.dirname, "../../grafana/alertmanager/alertmanager.example.yml");
const NEVER_SILENT = [
  "MoaWriterSplitBrain",
  "MoaEpochRegression",
  "MoaEventsUnaccounted",
  "MoaAcknowledgedEventsLost",
  "MoaChatLogRowsLost",
];

interface Inhibition {
  readonly source_matchers: readonly string[];
  readonly target_matchers: readonly string[];
  readonly equal?: readonly string[];
}

const { inhibit_rules } = parse(readFileSync(FILE, "utf8")) as { readonly inhibit_rules: readonly Inhibition[] };
const namesIn = (matchers: readonly string[]) =>
  matchers.flatMap((matcher) => (/^alertname=~?"(.*)"$/.exec(matcher)?.[1] ?? "").split("|")).filter(Boolean);

describe("the Alertmanager's example", () => {
  it("is one that Alertmanager takes", () => {
    expect(tool("amtool", "check-config", FILE)).toEqual({ ok: true, said: expect.stringContaining("SUCCESS") });
  });

  it("sends each alert where its severity belongs", () => {
    const receivers = { page: "pager", ticket: "tickets" } as const;
    for (const { name, severity } of alerts) {
      const words = ["--config.file", FILE, "--verify.receivers", receivers[severity]];
      const labels = [`alertname=${name}`, `severity=${severity}`, "namespace=prod"];
      expect(tool("amtool", "config", "routes", "test", ...words, ...labels)).toMatchObject({ ok: true });
    }
  });

  it("silences alerts that exist by ones that exist, of the same deployment, and never a broken promise", () => {
    const known = new Set(alerts.map(({ name }) => name));
    for (const { source_matchers, target_matchers, equal = [] } of inhibit_rules) {
      const [sources, targets] = [namesIn(source_matchers), namesIn(target_matchers)];
      expect([...sources, ...targets].filter((name) => !known.has(name))).toEqual([]);
      expect(targets.filter((name) => sources.includes(name) || NEVER_SILENT.includes(name))).toEqual([]);
      // That nothing is there at all has no namespace: absent() has no labels.
      if (!sources.some((name) => name.startsWith("MoaNo"))) expect(equal).toContain("namespace");
    }
  });
});
