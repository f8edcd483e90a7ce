/**
 * The chart and the kustomize tree are made from deploy/k8s/*.ts and checked in: people install from them without
 * running anything, and a change of one shows in review. A difference fails; `npm run docs` writes them.
 */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { MADE_FOLDERS, madeFiles } from "#deploy/k8s/made-files.ts";
import { ROOT } from "./copied-tree.ts";

const K8S = join(ROOT, "deploy/k8s");
const made = madeFiles();

function filesThere(): readonly string[] {
  return MADE_FOLDERS.flatMap((folder) =>
    readdirSync(join(K8S, folder), { recursive: true, withFileTypes: true }).flatMap((entry) => {
      const path = join(entry.parentPath, entry.name);
      return entry.isFile() ? [path.slice(K8S.length + 1)] : [];
    }),
  );
}

describe("manifests made from their source", () => {
  it.each([...made.keys()])("%s", async (path) => {
    await expect(made.get(path)).toMatchFileSnapshot(join(K8S, path));
  });

  it("nothing else lies where they are", () => {
    const others = filesThere().filter((path) => !made.has(path));
    // What is no longer made goes with `npm run docs`, as what is made comes with it.
    if (expect.getState().snapshotState.snapshotUpdateState === "all")
      for (const path of others) rmSync(join(K8S, path));
    else expect(others).toEqual([]);
  });
});
