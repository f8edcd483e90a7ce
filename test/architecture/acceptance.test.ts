/** docs/acceptance.md and the names of the tests say the same. */
import { describe, expect, it } from "vitest";
import { files, readTree, type Tree } from "./tree.ts";

const DOCUMENT = "docs/acceptance.md";
const ROW = /\b[A-Z]-\d\d\b/g;

/** Rows that the names of a file's tests start with. */
function rowsShownBy(text = ""): ReadonlySet<string> {
  const names = text.matchAll(/["'`]((?:[A-Z]-\d\d )+)/g);
  return new Set([...names].flatMap(([, rows = ""]) => rows.match(ROW) ?? []));
}

function differences(tree: Tree): string[] {
  const lines = (tree.get(DOCUMENT) ?? "").split("\n").filter((line) => /^[|] [A-Z]-\d\d [|]/.test(line));
  const claimed = lines.map((line) => {
    const [, row = "", , where = ""] = line.split("|").map((cell) => cell.trim());
    const paths: string[] = where.match(/(?<=`)[^`]+[.]test[.]ts(?=`)/g) ?? [];
    return { row, later: where === "later", paths };
  });
  const unshown = claimed.flatMap(({ row, later, paths }) => {
    if (paths.length === 0) return later ? [] : [`${row} says neither where nor later`];
    return paths.flatMap((path) => (rowsShownBy(tree.get(path)).has(row) ? [] : [`no test of ${path} shows ${row}`]));
  });
  const unclaimed = files(tree, (path) => /^test[/]stack[/]acceptance-.*[.]test[.]ts$/.test(path)).flatMap(
    ([path, text]) =>
      [...rowsShownBy(text)].flatMap((row) =>
        claimed.some((one) => one.row === row && one.paths.includes(path)) ? [] : [`${path} shows ${row}, unclaimed`],
      ),
  );
  return [...unshown, ...unclaimed, ...scenarioDifferences(tree)];
}

/** Files that are not there, and scenarios that a test of the edge names and the document does not. */
function scenarioDifferences(tree: Tree): string[] {
  const lines = (tree.get(DOCUMENT) ?? "").split("\n").filter((line) => line.startsWith("| S-"));
  const absent = lines.flatMap((line) =>
    (line.match(/(?<=`)[^` ]+[.]test[.]ts(?=`)/g) ?? []).filter((path) => !tree.has(path)),
  );
  const named = files(tree, (path) => path.startsWith("test/stack/")).flatMap(([path, text]) =>
    (text.match(/\bS-[A-Z]+-\d\d/g) ?? []).map((scenario) => ({ path, scenario })),
  );
  const isClaimed = (scenario: string, path: string) =>
    lines.some((line) => claimsOf(line).includes(scenario) && line.includes(path));
  return [
    ...absent.map((path) => `${path} is not there`),
    ...named
      .filter(({ path, scenario }) => !isClaimed(scenario, path))
      .map((one) => `${one.path} shows ${one.scenario}, unclaimed`),
  ];
}

/** `S-CONN-01, 02` is two. */
function claimsOf(line: string): readonly string[] {
  const [, first = ""] = line.split("|").map((cell) => cell.trim());
  const family = /^S-[A-Z]+/.exec(first)?.[0] ?? "";
  return (first.match(/\d\d/g) ?? []).map((number) => `${family}-${number}`);
}

describe("docs/acceptance.md", () => {
  it("names for each row the test that shows it, and every such test", () => {
    expect(differences(readTree())).toEqual([]);
  });

  it("else it is reported", () => {
    const scenarios = "S-CONN-01, 02 | `test/stack/acceptance-x.test.ts`, `gone.test.ts` | |";
    const table = [
      scenarios,
      "D-01 | a | `test/stack/acceptance-x.test.ts` | |",
      "D-02 | b | soon | |",
      "D-03 | c | later | |",
    ];
    const planted = new Map([
      [DOCUMENT, table.map((line) => `| ${line}`).join("\n")],
      ["test/stack/acceptance-x.test.ts", 'test("D-04 D-05 S-CONN-01 S-CONN-03 it is so")'],
    ]);
    expect(differences(planted)).toEqual([
      "no test of test/stack/acceptance-x.test.ts shows D-01",
      "D-02 says neither where nor later",
      "test/stack/acceptance-x.test.ts shows D-04, unclaimed",
      "test/stack/acceptance-x.test.ts shows D-05, unclaimed",
      "gone.test.ts is not there",
      "test/stack/acceptance-x.test.ts shows S-CONN-03, unclaimed",
    ]);
  });
});
