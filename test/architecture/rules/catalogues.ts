/** Everything that is added in two halves has both: a folder and its line, a queue and its handler, a name and its use. */
import { files, isProduct, type Tree } from "../tree.ts";

/** A folder of workers/commands is a command: a catalogue line, an index and a dialogue. */
export function commandsIncomplete(tree: Tree): string[] {
  return featuresIncomplete(tree, "workers/commands", (folder, has) =>
    has(`${folder}/dialogue.test.ts`) ? [] : [`${folder}: no dialogue.test.ts`],
  );
}

/** A folder of gateway/platforms is a platform: a catalogue line, an index and transcripts. */
export function platformsIncomplete(tree: Tree): string[] {
  return featuresIncomplete(tree, "gateway/platforms", (folder) =>
    [...tree.keys()].some((path) => path.startsWith(`${folder}/transcripts/`)) ? [] : [`${folder}: no transcripts`],
  );
}

type Extra = (folder: string, has: (path: string) => boolean) => string[];

function featuresIncomplete(tree: Tree, home: string, extra: Extra): string[] {
  const catalogue = `${home}/catalogue.ts`;
  const lines = tree.get(catalogue);
  if (lines === undefined) return [`${catalogue}: missing`];
  const folders = new Set(
    [...tree.keys()].flatMap((path) =>
      (path.startsWith(`${home}/`)
        ? path
            .slice(home.length + 1)
            .split("/")
            .slice(0, -1)
        : []
      ).slice(0, 1),
    ),
  );
  const listed = new Set([...lines.matchAll(/from "[.]\/([^/"]+)\/index[.]ts"/g)].map((match) => match[1] as string));
  const faults = [...listed].filter((name) => !folders.has(name)).map((name) => `${catalogue}: ${name} has no folder`);
  for (const name of folders) {
    if (!listed.has(name)) faults.push(`${home}/${name}: no line in ${catalogue}`);
    faults.push(...extra(`${home}/${name}`, (path) => tree.has(path)));
  }
  return faults;
}

export function queuesIncomplete(tree: Tree): string[] {
  const keys = (path: string, after: RegExp) => {
    const text = tree.get(path) ?? "";
    const body = text.slice(text.search(after));
    return new Set([...body.matchAll(/^ {2}"?([a-z][a-z0-9-]*)"?[:,(]/gm)].map((match) => match[1] as string));
  };
  const queues = keys("common/contract/queues.ts", /export const queues\b/);
  const handlers = keys("workers/jobs/catalogue.ts", /export (const|function)\b/);
  return [
    ...[...queues]
      .filter((name) => !handlers.has(name))
      .map((name) => `queue ${name} has no handler in workers/jobs/catalogue.ts`),
    ...[...handlers]
      .filter((name) => !queues.has(name))
      .map((name) => `workers/jobs/catalogue.ts: ${name} is no queue`),
  ];
}

export interface Catalogue {
  readonly file: string;
  readonly names: readonly string[];
  /** How a use of the name looks. */
  readonly used: (name: string) => RegExp;
}

/**
 * Names of a catalogue that no other product file uses. A metric nobody observes is 0 for ever, a limit nobody keeps
 * bounds nothing, a setting nobody reads is a lie to the operator.
 */
export function unused(tree: Tree, { file, names, used }: Catalogue): string[] {
  const texts = files(tree, (path) => isProduct(path) && path !== file).map(([, text]) => text);
  return names
    .filter((name) => !texts.some((text) => used(name).test(text)))
    .map((name) => `${file}: ${name} is used nowhere`);
}

/**
 * `<name>-<keys>.lua`, so that a call with the wrong number of keys shows. The header lists them, `KEYS  1 lane hash  2 ...`,
 * and the script uses them all; `-n` stands for as many as the call brings.
 */
export function luaKeysWrong(tree: Tree): string[] {
  return files(tree, (path) => path.endsWith(".lua")).flatMap(([path, text]) => {
    const named = /-(\d+|n)[.]lua$/.exec(path)?.[1];
    const header = /^--\[\[[\s\S]*?^KEYS( {2}[\s\S]*?)^(?:ARGV|Returns|\]\])/m.exec(text)?.[1];
    if (named === undefined) return [`${path}: the name does not end in its number of keys`];
    if (header === undefined) return [`${path}: the header has no KEYS line`];
    if (named === "n") return [];
    const listed = [...header.matchAll(/ {2}(\d+) /g)].map((match) => Number(match[1]));
    const used = new Set([...text.matchAll(/KEYS\[(\d+)\]/g)].map((match) => Number(match[1])));
    const wanted = Array.from({ length: Number(named) }, (_, i) => i + 1);
    const faults = [];
    if (String(listed) !== String(wanted))
      faults.push(`${path}: the header lists keys ${listed}, the name says ${named}`);
    if (String([...used].sort()) !== String(wanted))
      faults.push(`${path}: uses keys ${[...used]}, the name says ${named}`);
    return faults;
  });
}
