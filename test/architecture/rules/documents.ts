/** What the documents and comments point at exists: files, folders, commands, decisions. */
import { posix } from "node:path";
import { files, isRule, type Tree } from "../tree.ts";

const isDocument = (path: string) => path.endsWith(".md");

function exists(tree: Tree, path: string): boolean {
  const clean = path.replace(/\/$/, "");
  return tree.has(clean) || [...tree.keys()].some((file) => file.startsWith(`${clean}/`));
}

/** `[text](path#part)`, relative to the document. */
export function brokenLinks(tree: Tree): string[] {
  return files(tree, isDocument).flatMap(([path, text]) =>
    [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = ""]) => {
      if (/^(https?:|mailto:|#)/.test(target)) return [];
      const file = posix.normalize(posix.join(posix.dirname(path), target.replace(/#.*$/, "")));
      return exists(tree, file) ? [] : [`${path}: links to ${target}, which is not there`];
    }),
  );
}

const FOLDERS = "common|gateway|workers|console|scripts|test|bench|docs|deploy|grafana";
const NAMED_PATH = new RegExp(`^(${FOLDERS})/[\\w./-]*$|^[A-Z]+[.]md$|^[\\w.-]+[.](json|cjs)$`);

/** `path` in code style, from the root. A pattern with `<name>` or `*` names no file. */
export function namedPathsMissing(tree: Tree): string[] {
  return files(tree, isDocument).flatMap(([path, text]) =>
    [...text.replace(/^```[\s\S]*?^```/gm, "").matchAll(/`([^`\n]+)`/g)].flatMap(([, name = ""]) =>
      NAMED_PATH.test(name) && !exists(tree, name) ? [`${path}: names ${name}, which is not there`] : [],
    ),
  );
}

/** `npm run x`, `npm test`, `npm start` in a document, with a script of that name. */
export function commandsMissing(tree: Tree): string[] {
  const { scripts = {} } = JSON.parse(tree.get("package.json") ?? "{}") as { scripts?: Record<string, string> };
  return files(tree, isDocument).flatMap(([path, text]) =>
    [...text.matchAll(/\bnpm (?:run ([\w:-]+)|(test|start)\b)/g)].flatMap(([, run, short]) => {
      const name = run ?? short ?? "";
      return name in scripts ? [] : [`${path}: npm run ${name} is not in package.json`];
    }),
  );
}

/** `ADR 0003` in a comment or document, with a file docs/adr/0003-*.md. A section of another paper helps no reader. */
export function decisionsMissing(tree: Tree): string[] {
  const numbers = new Set([...tree.keys()].flatMap((path) => /^docs\/adr\/(\d{4})-/.exec(path)?.[1] ?? []));
  return files(tree, (path) => /[.](ts|lua|md|cjs)$/.test(path) && !isRule(path)).flatMap(([path, text]) => [
    ...[...text.matchAll(/\bADR[ -](\d{4})/g)].flatMap(([, number = ""]) =>
      numbers.has(number) ? [] : [`${path}: names ADR ${number}, which is not there`],
    ),
    ...[...text.matchAll(/\bdesign([.]md)? \d/g)].map(
      ([name]) => `${path}: names "${name}", which is not here: an ADR?`,
    ),
  ]);
}
