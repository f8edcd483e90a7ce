/** A copy of the source tree in a fresh temporary directory, to plant things in; packages are those of the project. */
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const ROOT = join(import.meta.dirname, "../..");

const COPIED = [
  ...["common", "gateway", "workers", "console", "scripts", "bench", "deploy", "grafana", "test"],
  ...["package.json", "tsconfig.json", "vitest.config.ts", "biome.json"],
];

export interface CopiedTree extends Disposable {
  readonly path: string;
}

export function copyTree(): CopiedTree {
  const path = mkdtempSync(join(tmpdir(), "moa-tree-"));
  for (const name of COPIED) {
    if (existsSync(join(ROOT, name))) cpSync(join(ROOT, name), join(path, name), { recursive: true });
  }
  symlinkSync(join(ROOT, "node_modules"), join(path, "node_modules"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
