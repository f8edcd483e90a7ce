/** The files of the project by path: what the house rules are functions of. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import ts from "typescript";
import { ROOT } from "./copied-tree.ts";

/** Path from the project's root, with `/`, to content. */
export type Tree = ReadonlyMap<string, string>;

const NOT_OURS = new Set(["node_modules", ".git", ".data"]);
const TEXT = /[.](ts|mjs|cjs|json|md|lua|sql|sh|txt|yaml|yml)$|(^|\/)[.][a-z]+(rc|ignore)$|^[.]ci\/|(^|\/)Dockerfile$/;

export function readTree(root = ROOT): Tree {
  const tree = new Map<string, string>();
  const folders = [root];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (NOT_OURS.has(entry.name)) continue;
      const path = join(folder, entry.name);
      const name = relative(root, path).split(sep).join("/");
      if (entry.isDirectory()) folders.push(path);
      else if (TEXT.test(name)) tree.set(name, readFileSync(path, "utf8"));
    }
  }
  return tree;
}

export function isTest(path: string): boolean {
  return path.endsWith(".test.ts");
}

export function isProduct(path: string): boolean {
  return /^(common|gateway|workers|console)\//.test(path) && path.endsWith(".ts") && !isTest(path);
}

/** The rules and what they plant name what they forbid. */
export function isRule(path: string): boolean {
  return path.startsWith("test/architecture/");
}

export function files(tree: Tree, wanted: (path: string) => boolean): [path: string, text: string][] {
  return [...tree].filter(([path]) => wanted(path));
}

export function parse(path: string, text: string): ts.SourceFile {
  return ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
}

/** Calls `visit` for every node below and including `node`. */
export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}

/** Says `path:line: what`. */
export function at(source: ts.SourceFile, node: ts.Node, what: string): string {
  const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
  return `${source.fileName}:${line + 1}: ${what}`;
}
