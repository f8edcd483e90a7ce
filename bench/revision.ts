/** A working tree of another revision, kept under .data/bench for the next run. */
import { execFile } from "node:child_process";
import { existsSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { HERE } from "./variant.ts";

const run = promisify(execFile);

/** @throws Error when there is no such revision */
export async function worktreeOf(revision: string): Promise<string> {
  const { stdout } = await run("git", ["rev-parse", "--verify", `${revision}^{commit}`], { cwd: HERE });
  const commit = stdout.trim();
  const tree = join(HERE, ".data/bench", commit);
  if (!existsSync(tree)) await run("git", ["worktree", "add", "--detach", tree, commit], { cwd: HERE });
  const packages = join(tree, "node_modules");
  if (existsSync(packages)) return tree;
  const lock = (root: string) => readFileSync(join(root, "package-lock.json"), "utf8");
  if (lock(tree) === lock(HERE)) symlinkSync(join(HERE, "node_modules"), packages);
  // Not `npm ci`: it refuses a lock written on another platform.
  else await run("npm", ["install", "--no-audit", "--no-fund"], { cwd: tree });
  return tree;
}
