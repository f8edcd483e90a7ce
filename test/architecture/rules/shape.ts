/** How large and of what form a file may be. The length of a function and its parameters are biome's (biome.json). */
import ts from "typescript";
import ratchet from "../ratchet.json" with { type: "json" };
import { at, files, isRule, parse, type Tree } from "../tree.ts";

export function filesTooLong(tree: Tree): string[] {
  return files(tree, (path) => /[.](ts|mjs|cjs|lua|sh|sql)$/.test(path)).flatMap(([path, text]) => {
    const lines = text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
    return lines > ratchet.fileLinesMax ? [`${path}: ${lines} lines, at most ${ratchet.fileLinesMax}`] : [];
  });
}

export function portsTooWide(tree: Tree): string[] {
  return files(tree, (path) => /^common\/ports\/.*[.]ts$/.test(path)).flatMap(([path, text]) => {
    const source = parse(path, text);
    return source.statements.filter(ts.isInterfaceDeclaration).flatMap((port) => {
      const methods = port.members.filter(ts.isMethodSignature).length;
      if (methods <= ratchet.portMethodsMax) return [];
      return [at(source, port, `${port.name.text} has ${methods} methods, at most ${ratchet.portMethodsMax}`)];
    });
  });
}

/** A file of nothing but imports and exports of others hides the way from the reader. */
export function onlyReexports(tree: Tree): string[] {
  return files(tree, (path) => path.endsWith(".ts")).flatMap(([path, text]) => {
    const { statements } = parse(path, text);
    const exports = statements.filter(ts.isExportDeclaration);
    const rest = statements.filter(
      (statement) => !ts.isExportDeclaration(statement) && !ts.isImportDeclaration(statement),
    );
    return exports.length > 0 && rest.length === 0 ? [`${path}: only re-exports`] : [];
  });
}

const BANNED_WORDS = new Set(
  ["message", "adapter", "manager", "helper", "util", "service", "processor"].flatMap((word) => [word, `${word}s`]),
);

/** Words that would name two things, or nothing (docs/glossary.md), in file names and in what a file exports. */
export function bannedWords(tree: Tree): string[] {
  return files(tree, (path) => /[.](ts|lua|sql|mjs|cjs)$/.test(path) && !isRule(path)).flatMap(([path, text]) => {
    const faults = wordsOf(path)
      .filter(isBanned)
      .map((word) => `${path}: "${word}" in a file name`);
    if (!path.endsWith(".ts")) return faults;
    const source = parse(path, text);
    const named = source.statements.filter(isExported).flatMap((statement) => namesOf(statement));
    for (const name of named) {
      for (const word of wordsOf(name.text).filter(isBanned))
        faults.push(at(source, name, `"${word}" in ${name.text}`));
    }
    return faults;
  });
}

function isBanned(word: string): boolean {
  return BANNED_WORDS.has(word);
}

function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z0-9]+/);
}

function isExported(statement: ts.Statement): boolean {
  return ts.canHaveModifiers(statement)
    ? (ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false)
    : false;
}

function namesOf(statement: ts.Statement): ts.Identifier[] {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.map(({ name }) => name).filter(ts.isIdentifier);
  }
  const { name } = statement as ts.Statement & { name?: ts.Node };
  return name !== undefined && ts.isIdentifier(name) ? [name] : [];
}
