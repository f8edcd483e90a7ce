/** A runbook for each alert, and in it only commands, objects and metrics that there are. */
import { expect, it } from "vitest";
import { createMetrics } from "#common/observe/metrics.ts";
import { alerts, ruleGroups, runbookOf } from "#grafana/alerts/rules.ts";
import { scenarios } from "#scripts/chaos/scenarios/catalogue.ts";
import { trials } from "#test/ops/runbook-trials.ts";
import { linesOf, runbookNames, runbookText, trialOf, wordsOf } from "#test/ops/runbooks.ts";
import { EXIT } from "../../console/cli/exit-codes.ts";
import { run } from "../../console/cli/program.ts";
import { pageOf } from "./rules/series-read.ts";

/** Shared by several, and no alert's own. */
const SHARED = ["README", "redis", "zombies"];
const OBJECTS = new Set(["moa", "moa-gateway", "moa-workers", "moa-migrate", "moa-console"]);
const names = runbookNames();

it("each alert has a runbook, and each runbook an alert, whose name is its title", () => {
  const wanted = new Map(alerts.map(({ name }) => [runbookOf(name), name]));
  expect(names.filter((name) => !SHARED.includes(name)).toSorted()).toEqual([...wanted.keys()].toSorted());
  for (const [file, alert] of wanted) expect(runbookText(file).split("\n")[0]).toBe(`# ${alert}`);
});

it("a runbook says how to decide, what to do, and when it is over, within two screens", () => {
  for (const name of names.filter((one) => !SHARED.includes(one))) {
    const text = runbookText(name);
    expect([...text.matchAll(/^## (.*)$/gm)].map(([, head]) => head).slice(0, 3), name).toEqual([
      "Decide",
      "Act",
      "It is over when",
    ]);
    expect(text.split("\n").length, name).toBeLessThan(80);
  }
});

/** Nobody listens there: a command that is understood ends because no pod answers. */
const misunderstood = async (text: string): Promise<boolean> => {
  const out: string[] = [];
  const code = await run(wordsOf(text), {
    env: { MOA_OPS_URL: "http://127.0.0.1:1", MOA_OPS_TOKEN: "a-token-of-a-test" },
    who: "test",
    settings: () => [],
    nowMs: () => 0,
    pause: () => Promise.resolve(),
    out: (word) => void out.push(word),
    err: (word) => void out.push(word),
  });
  return code === EXIT.badUsage;
};

it("moa lines in runbooks are commands with their options", async () => {
  for (const name of names) {
    for (const { text } of linesOf(runbookText(name), "moa")) expect(await misunderstood(text), text).toBe(false);
  }
  for (const wrong of ["moa whi BOT", "moa why", "moa why BOT --because", "moa held BOT show"]) {
    expect(await misunderstood(wrong), wrong).toBe(true);
  }
});

it("kubectl lines in runbooks name objects of the chart", () => {
  const named = /\b(?:deployment|deploy|job|service)\/([\w-]+)|app[.]kubernetes[.]io\/name=([\w-]+)|-n ([\w-]+)/g;
  const objects = (text: string) => [...text.matchAll(named)].map(([, one, two, three]) => one ?? two ?? three ?? "");
  for (const name of names) {
    for (const { text } of linesOf(runbookText(name), "kubectl")) {
      expect(
        objects(text).filter((one) => !OBJECTS.has(one)),
        text,
      ).toEqual([]);
      expect(text).toContain(" -n moa ");
    }
  }
  expect(objects("kubectl -n moa scale deployment/moa-gateways")).toEqual(["moa", "moa-gateways"]);
});

it("metrics named in runbooks are shown by pods", async () => {
  const page = pageOf(await createMetrics(true).expose());
  const recorded = new Set(ruleGroups().flatMap(({ rules }) => rules.map(({ record }) => record)));
  const isKnown = (name: string) => recorded.has(name) || [...page.keys()].some((one) => one.startsWith(name));
  for (const name of names) {
    const found = [...runbookText(name).matchAll(/\b(?:moa_|moa:|nodejs_|process_)[\w:]+/g)].map(([one]) => one);
    expect(
      found.filter((one) => !isKnown(one)),
      name,
    ).toEqual([]);
  }
});

it("a runbook says which scenario of chaos brings its alert about, and whether its lines are tried", () => {
  const tried = new Set<string>(Object.values(trials).flat());
  expect([...tried].filter((name) => !names.includes(name))).toEqual([]);
  for (const name of names.filter((one) => !SHARED.includes(one))) {
    const trial = trialOf(runbookText(name));
    expect(trial, name).not.toBeNull();
    expect([...Object.keys(scenarios), "none"], name).toContain(trial?.scenario);
    expect(trial?.isTried, name).toBe(tried.has(name));
  }
});
