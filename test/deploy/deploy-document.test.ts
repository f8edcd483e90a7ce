/** The commands of docs/deploy.md and README.md are ones that work, as far as they can be tried without a cluster. */
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";
import { graceSeconds } from "#deploy/k8s/grace.ts";
import { secretSettings } from "#deploy/k8s/settings.ts";
import { CHART, chart, kustomize } from "./render.ts";
import { idOf, mapAt, type Things } from "./thing.ts";

const ROOT = realpathSync(join(import.meta.dirname, "../.."));
const document = readFileSync(join(ROOT, "docs/deploy.md"), "utf8");
const both = `${document}\n${readFileSync(join(ROOT, "README.md"), "utf8")}`;
const lines = both.split("\n").map((line) => line.trim());
const objects = chart() as unknown as Things;

describe("docs/deploy.md", () => {
  test.each(lines.filter((line) => /^helm (install|upgrade|template) /.test(line)))("%s", (line) => {
    const [, ...words] = line.split(" ");
    const given = words.slice(words.indexOf("deploy/k8s/chart") + 1);
    const namespace = given.includes("--namespace") ? [] : ["--namespace", "moa"];
    const fromChart = given.map((word) =>
      word.startsWith("deploy/k8s/") ? relative(join(CHART, ".."), join(ROOT, word)) : word,
    );
    expect(chart(...fromChart, ...namespace).length).toBeGreaterThan(10);
  });

  test.each(lines.filter((line) => line.startsWith("kubectl apply -k ")))("%s", (line) => {
    expect(kustomize(join(ROOT, line.split(" ").at(-1) ?? "")).length).toBeGreaterThan(10);
  });

  test("names Deployments and labels that are there", () => {
    for (const [, name] of both.matchAll(/deploy(?:ment)?[/](moa-\w+)/g)) {
      expect(objects.map(idOf)).toContain(`Deployment/${name}`);
    }
    const labels = new Set(objects.map((one) => mapAt(one, "metadata/labels")["app.kubernetes.io/name"]));
    for (const [, name] of both.matchAll(/-l app[.]kubernetes[.]io[/]name=(\S+)/g)) expect(labels).toContain(name);
  });

  test("its overlay is one that kustomize takes, and replaces every image", () => {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), "moa-overlay-")));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const overlay = /```yaml\n([^`]+)```/.exec(document)?.[1] ?? "";
    writeFileSync(join(folder, "kustomization.yaml"), overlay.replaceAll("../..", relative(folder, join(CHART, ".."))));
    expect(parse(overlay)).toMatchObject({ kind: "Kustomization" });
    const text = JSON.stringify(kustomize(folder));
    expect(text).not.toContain("moa.invalid/moa-");
    expect(text).toContain("ghcr.io/you/moa-gateway:0.1.0");
  });

  test("the Secret that it makes has secrets that pods know", () => {
    const made = [...document.matchAll(/--from-(?:literal|file)=(MOA_\w+)=/g)].map(([, name]) => name);
    expect(made.length).toBe(4);
    for (const name of made) expect(secretSettings).toContain(name);
  });

  test("its figures are those of the manifests", () => {
    expect(document).toContain(`It has ${graceSeconds.gateway} s, every part at its deadline`);
    expect(document).toContain(`It has ${graceSeconds.workers} s |`);
    expect(document).toContain(`a gateway's ${graceSeconds.gateway} s`);
  });
});
