/** What must not be committed: unfinished work, loosened checks, and traces of the machine it was written on. */
import ratchet from "../ratchet.json" with { type: "json" };
import { files, isRule, type Tree } from "../tree.ts";

function linesMatching(tree: Tree, wanted: (path: string) => boolean, pattern: RegExp): string[] {
  return files(tree, (path) => wanted(path) && !isRule(path)).flatMap(([path, text]) =>
    text.split("\n").flatMap((line, i) => {
      const found = pattern.exec(line);
      return found === null ? [] : [`${path}:${i + 1}: ${found[0]}`];
    }),
  );
}

const isCode = (path: string) => /[.](ts|mjs|cjs|lua|sh|sql)$/.test(path);

/** Work to do is an issue, not a comment. `any` and the focus of tests are biome's. */
export function unfinished(tree: Tree): string[] {
  const pattern = /\b(TODO|FIXME|XXX|HACK)\b|@ts-(ignore|nocheck)|[.](skip|only|todo|skipIf|runIf)\(/;
  return linesMatching(tree, isCode, pattern);
}

/** Each is a place where a rule does not hold. The number only goes down. */
export function lintExceptions(tree: Tree): string[] {
  const found = linesMatching(tree, isCode, /biome-ignore|@ts-expect-error/);
  return found.length > ratchet.lintExceptionsMax ? found : [];
}

/** The lock names versions and hashes only, so that any registry or mirror will do. */
export function addressesInLock(tree: Tree): string[] {
  const isLock = (path: string) => /(^|\/)(package-lock[.]json|[.]npmrc)$/.test(path);
  return linesMatching(tree, isLock, /"resolved"|registry/);
}

export function machineTraces(tree: Tree): string[] {
  return linesMatching(
    tree,
    () => true,
    /(?<![\w.<>}-])\/(work|home|root|Users)\/[\w.-]+|\b(registry|mirror)[.][\w-]+[.]\w+/,
  );
}
