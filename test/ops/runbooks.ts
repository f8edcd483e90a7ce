/** Runbooks as texts: what they would have a person type, and what they say of themselves. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const FOLDER = join(import.meta.dirname, "../../docs/runbooks");

/** A line to be typed, and the exit codes that the runbook prepares for. */
export interface Line {
  readonly text: string;
  readonly exits: readonly number[];
}

export function runbookNames(): readonly string[] {
  return readdirSync(FOLDER).map((file) => file.replace(/[.]md$/, ""));
}

export function runbookText(name: string): string {
  return readFileSync(join(FOLDER, `${name}.md`), "utf8");
}

/** Lines of its shell blocks that begin with the program. */
export function linesOf(text: string, program: "moa" | "kubectl"): readonly Line[] {
  const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, block = ""]) => block);
  return blocks
    .flatMap((block) => block.split("\n"))
    .filter((line) => line.startsWith(`${program} `))
    .map((line) => {
      const [typed = "", comment = ""] = line.split(/\s+# /);
      const said = comment.startsWith("exits") ? [...comment.matchAll(/\b\d\b/g)].map(([code]) => Number(code)) : [0];
      return { text: typed.trim(), exits: comment.includes("when") ? [0, ...said] : said };
    });
}

/** As a shell would make them of it, without the program's name. */
export function wordsOf(text: string): readonly string[] {
  return [...text.matchAll(/"([^"]*)"|\S+/g)].map(([word, quoted]) => quoted ?? word).slice(1);
}

/** Its last line. */
export function trialOf(text: string): { readonly scenario: string; readonly isTried: boolean } | null {
  const [, scenario, tried] = /^Scenario: ([a-z-]+)[.] Tried: (yes|no)[.]\n$/m.exec(text) ?? [];
  return scenario === undefined ? null : { scenario, isTried: tried === "yes" };
}
