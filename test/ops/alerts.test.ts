/** Every alert by Prometheus' own tool: its words when it fires, and its silence beside that. */
import { describe, expect, it } from "vitest";
import type { Alert } from "#grafana/alerts/alert.ts";
import { alerts, ruleGroups } from "#grafana/alerts/rules.ts";
import { checkRules, runCases } from "./promtool.ts";

const SUCCESS = { ok: true, said: expect.stringContaining("SUCCESS") };

describe("the rules", () => {
  it("are ones that Prometheus takes, without a complaint", () => {
    expect(checkRules(ruleGroups())).toEqual(SUCCESS);
  });

  it("are refused when one cannot be read, or stands there twice", () => {
    const rule = { record: "moa:planted", expr: "sum(rate(moa_planted_total[5m])" };
    expect(checkRules([{ name: "planted", interval: "30s", rules: [rule] }])).toMatchObject({ ok: false });
    const whole = { ...rule, expr: `${rule.expr})` };
    expect(checkRules([{ name: "planted", interval: "30s", rules: [whole, whole] }])).toMatchObject({ ok: false });
  });
});

describe("an alert", () => {
  for (const alert of alerts) {
    it(`${alert.name} (${alert.severity}) fires, and is quiet while ${alert.quiet.because}`, () => {
      expect(runCases(alert)).toEqual(SUCCESS);
    });
  }

  it("that cannot fire, fires always, or says something else is found", () => {
    const sound = alerts.find(({ name }) => name === "MoaRedisMemoryHigh") as Alert;
    expect(runCases(sound)).toEqual(SUCCESS);
    const planted: readonly Partial<Alert>[] = [
      { expr: sound.expr.replace("> 0.8", "> 0.9") },
      { expr: "vector(0.86)" },
      { summary: "something else" },
      { for: "2h" },
    ];
    for (const one of planted) expect(runCases({ ...sound, ...one })).toMatchObject({ ok: false });
  });
});
