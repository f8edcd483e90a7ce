/**
 * The lint rules that the house stands on fire. biome ignores a rule that it does not know any more, and the rules that see
 * types are young: an upgrade that silences one is seen here.
 */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { copyTree, ROOT } from "./copied-tree.ts";

const LONG = Array.from({ length: 51 }, (_, i) => `  console.log(${i});`).join("\n");

/** File to plant, its content, and the rules that this breaks. The types come from another file on purpose. */
const PLANTED: readonly (readonly [file: string, content: string, breaks: readonly string[]])[] = [
  [
    "common/kernel/planted-floating.ts",
    'import { pause } from "#common/kernel/clock.ts";\nexport function later(): void {\n  pause(null as never, 1);\n}\n',
    ["noFloatingPromises"],
  ],
  ["common/kernel/planted-misused.ts", "[1].forEach(async () => {});\n", ["noMisusedPromises"]],
  ["gateway/flow/planted-any.ts", "export const x: any = 1;\n", ["noExplicitAny"]],
  [
    "gateway/flow/planted-long.ts",
    `export function long() {\n${LONG}\n}\n`,
    ["noConsole", "noExcessiveLinesPerFunction"],
  ],
  ["gateway/flow/planted-wide.ts", "export const f = (a: 1, b: 1, c: 1, d: 1) => [a, b, c, d];\n", ["useMaxParams"]],
  ["gateway/flow/planted-enum.ts", "export enum Colour {\n  Red = 1,\n}\n", ["noEnum"]],
  ["gateway/flow/planted-throw.ts", 'throw "text";\n', ["useThrowOnlyError"]],
  ["gateway/flow/plantedName.ts", "export const x = 1;\n", ["useFilenamingConvention"]],
  ["test/stack/planted.test.ts", 'import { it } from "vitest";\nit.only("x", () => {});\n', ["noFocusedTests"]],
  ["test/stack/planted-too.test.ts", 'import { it } from "vitest";\nit.skip("x", () => {});\n', ["noSkippedTests"]],
];

describe("lint", () => {
  it("reports what is planted", async () => {
    using tree = copyTree();
    for (const [file, content] of PLANTED) writeFileSync(join(tree.path, file), content);
    const biome = join(ROOT, "node_modules/@biomejs/biome/bin/biome");
    const args = [biome, "lint", "--reporter=github", "--max-diagnostics=none", ...PLANTED.map(([file]) => file)];
    const run = promisify(execFile)(join(ROOT, "node_modules/.bin/node"), args, { cwd: tree.path });
    const { stdout } = await run.catch((failed: { stdout: string }) => failed);
    for (const [file, , breaks] of PLANTED) {
      const lines = stdout.split("\n").filter((line) => line.includes(`/${file},`));
      const rules = lines.map((line) => /title=lint\/\w+\/(\w+)/.exec(line)?.[1]);
      expect([...new Set(rules)].sort(), file).toEqual(breaks);
    }
  });
});
