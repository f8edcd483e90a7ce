/** The manifests as the tools that people install them with render them. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import type { Manifest } from "#deploy/k8s/manifests.ts";
import { type Tool, toolOf } from "./tools.ts";

const ROOT = join(import.meta.dirname, "../..");
const K8S = join(ROOT, "deploy/k8s");
export const CHART = join(K8S, "chart");

const tools = new Map<Tool, ReturnType<typeof toolOf>>();

/** What it says on stdout. @throws Error with its words, when it refuses */
function run(name: Tool, ...args: readonly string[]): string {
  const [program, ...first] = tools.get(name) ?? toolOf(name);
  tools.set(name, [program, ...first]);
  try {
    return execFileSync(program, [...first, ...args], {
      cwd: K8S,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  } catch (failed) {
    throw new Error(`${name} refuses: ${(failed as { stderr: string }).stderr}`);
  }
}

export function helm(...args: readonly string[]): string {
  return run("helm", ...args);
}

/** What was rendered before: the files do not change under a test. */
const rendered = new Map<string, readonly Manifest[]>();

/** @param more of helm's own, as `--values FILE` or `--set a=b` */
export function chart(...more: readonly string[]): readonly Manifest[] {
  const asked = more.join(" ");
  const namespace = more.includes("--namespace") ? [] : ["--namespace", "moa"];
  const objects = rendered.get(asked) ?? objectsIn(helm("template", "moa", "chart", ...namespace, ...more));
  rendered.set(asked, objects);
  return objects;
}

/** @param folder below deploy/k8s, or any by its whole path */
export function kustomize(folder: string): readonly Manifest[] {
  return objectsIn(run("kustomize", folder));
}

export function objectsIn(text: string): readonly Manifest[] {
  return parseAllDocuments(text).flatMap((document) => {
    if (document.errors[0] !== undefined) throw document.errors[0];
    return document.toJS() === null ? [] : [document.toJS() as Manifest];
  });
}

/**
 * By kind and name, and without what must differ between the forms: the namespace that Helm is told on its command line,
 * the name of the generated ConfigMap and the checksum that does the same, the Job's own name, what is empty.
 */
export function comparable(objects: readonly Manifest[]): Readonly<Record<string, unknown>> {
  const without = objects
    .filter(({ kind }) => kind !== "Namespace")
    .map((object) => {
      const text = JSON.stringify(object)
        .replace(/"moa-config-\w+"/g, '"moa-config"')
        .replace(/"moa-migrate-[\d-]+"/g, '"moa-migrate-N"')
        .replace(/"checksum[/]config":"\w+"/, '"":""')
        .replace(/,"namespace":"moa-\w+"/g, "");
      return withoutEmpty(JSON.parse(text)) as Manifest;
    });
  const byId = without.map((object) => [`${object.kind}/${object.metadata?.name}`, object] as const);
  return Object.fromEntries(byId.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([name, one]) => [name, withoutEmpty(one)] as const);
  return Object.fromEntries(entries.filter(([, one]) => !isEmpty(one)));
}

function isEmpty(value: unknown): boolean {
  return value === "" || value === null || (typeof value === "object" && Object.keys(value).length === 0);
}
