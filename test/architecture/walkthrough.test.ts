/** "Add a command" in CONTRIBUTING.md works: its blocks are applied to a copy of the tree, and the result is used. */
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { copyTree, ROOT } from "./copied-tree.ts";
import { commandsIncomplete } from "./rules/catalogues.ts";
import { readTree } from "./tree.ts";

const BLOCK = /^ *```ts (file|into)=(\S+)(?: after="((?:[^"\\]|\\.)*)")?\n([\s\S]*?)^ *```$/gm;

describe("the walk-through of CONTRIBUTING.md", () => {
  it("adds a command whose dialogue passes", async () => {
    using tree = copyTree();
    expect(applyBlocks(tree.path)).toBe(5);
    expect(commandsIncomplete(readTree(tree.path))).toEqual([]);
    await expectPass(tree.path, ["tsc", "--noEmit", "--incremental", "false", "-p", "tsconfig.walk.json"]);
    await expectPass(tree.path, ["vitest", "run", "--project", "unit", "workers/commands/dice"]);
  });
});

/** Returns how many blocks there were. */
function applyBlocks(tree: string): number {
  const text = readFileSync(join(ROOT, "CONTRIBUTING.md"), "utf8");
  const blocks = [...text.matchAll(BLOCK)];
  for (const [, kind, file = "", after = "", indented = ""] of blocks) {
    const path = join(tree, file);
    const body = indented.replace(/^ {3}/gm, "");
    mkdirSync(dirname(path), { recursive: true });
    if (kind === "file") writeFileSync(path, body);
    else writeFileSync(path, insertAfter(readFileSync(path, "utf8"), after.replaceAll('\\"', '"'), body));
  }
  const only = { extends: "./tsconfig.json", include: ["workers/commands"] };
  writeFileSync(join(tree, "tsconfig.walk.json"), JSON.stringify(only));
  return blocks.length;
}

function insertAfter(text: string, anchor: string, body: string): string {
  const at = text.indexOf(anchor);
  expect(at, `the walk-through names "${anchor}"`).toBeGreaterThanOrEqual(0);
  return `${text.slice(0, at + anchor.length)}\n${body}${text.slice(at + anchor.length)}`;
}

async function expectPass(tree: string, [tool = "", ...args]: readonly string[]): Promise<void> {
  const bin = join(ROOT, "node_modules/.bin");
  const run = promisify(execFile)(join(bin, "node"), [join(bin, tool), ...args], { cwd: tree });
  const said = await run.then(
    () => "passed",
    ({ stdout, stderr }) => `${stdout}${stderr}`,
  );
  expect(said, `${tool} ${args.join(" ")}`).toBe("passed");
}
