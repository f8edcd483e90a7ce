/**
 * Judges objects as strictly as Kubernetes may: by the schemas of its API, and, as these let unknown fields pass (a
 * `preStop.slep` would be a pod without a pause), by the compiler, which is given each object as a literal of its type.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import type { Manifest } from "#deploy/k8s/manifests.ts";

const ROOT = join(import.meta.dirname, "../..");
const GROUPS: Readonly<Record<string, string>> = {
  "monitoring.coreos.com": "@kubernetes-models/prometheus-operator/",
  "keda.sh": "@kubernetes-models/keda/",
  "external-secrets.io": "@kubernetes-models/external-secrets/",
};

interface Model {
  validate(): void;
}

/** @param judged by name */
export async function faultsOf(judged: ReadonlyMap<string, Manifest>): Promise<readonly string[]> {
  const unknown = [...judged].filter(([, object]) => !existsSync(join(ROOT, "node_modules", `${moduleOf(object)}.js`)));
  if (unknown.length > 0)
    return unknown.map(([name, { apiVersion, kind }]) => `${name}: no such kind: ${apiVersion} ${kind}`);
  const bySchema = await Promise.all([...judged].map(([name, object]) => schemaFaults(name, object)));
  return [...bySchema.flat(), ...typeFaults(judged)];
}

function moduleOf({ apiVersion, kind }: Manifest): string {
  const group = apiVersion.split("/")[0] ?? "";
  return `${GROUPS[group] ?? "kubernetes-models/"}${apiVersion}/${kind}`;
}

async function schemaFaults(name: string, object: Manifest): Promise<readonly string[]> {
  const { [object.kind]: Kind } = (await import(moduleOf(object))) as Record<string, new (data: Manifest) => Model>;
  if (Kind === undefined) return [`${name}: no such kind`];
  try {
    new Kind(object).validate();
    return [];
  } catch (error) {
    return [`${name}: ${(error as Error).message}`];
  }
}

function typeFaults(judged: ReadonlyMap<string, Manifest>): readonly string[] {
  const file = join(ROOT, "test/deploy/judged.ts");
  const all = [...judged];
  // A line for each, so that a fault's line names its object.
  const lines = all.map(([, object], i) => {
    return `export const m${i}: import("${moduleOf(object)}").I${object.kind} = ${JSON.stringify(object)};`;
  });
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(join(ROOT, "tsconfig.json"), ts.sys.readFile).config,
    ts.sys,
    ROOT,
  );
  const judging = { ...options, incremental: false, exactOptionalPropertyTypes: false };
  const host = ts.createCompilerHost(judging);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (path) => path === file || fileExists(path);
  host.getSourceFile = (path, version, ...rest) =>
    path === file ? ts.createSourceFile(path, lines.join("\n"), version) : getSourceFile(path, version, ...rest);
  const program = ts.createProgram([file], judging, host);
  const source = program.getSourceFile(file);
  return program.getSemanticDiagnostics(source).map((fault) => {
    const { line } = ts.getLineAndCharacterOfPosition(source as ts.SourceFile, fault.start ?? 0);
    return `${all[line]?.[0]}: ${ts.flattenDiagnosticMessageText(fault.messageText, " ")}`;
  });
}
