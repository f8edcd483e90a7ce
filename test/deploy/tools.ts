/** The tools that render manifests, found or built before the tests: minutes, the first time on a machine. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";

export type Tool = "helm" | "kustomize";

const SCRIPT = join(import.meta.dirname, "../../scripts/tools.sh");

/** The program, and what it is told first. @throws Error when it is neither there nor can be built */
export function toolOf(name: Tool): readonly [program: string, ...first: string[]] {
  const said = execFileSync("sh", [SCRIPT, name], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  return said.trim().split(" ") as [string, ...string[]];
}

export function setup(): void {
  toolOf("helm");
  toolOf("kustomize");
}
