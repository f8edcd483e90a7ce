/** The Lua files, read once. `<name>-<number of KEYS>.lua`; `n` in place of the number: the caller's list decides. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { assert } from "#common/kernel/assert.ts";

const NAMES = [
  "lane-append",
  "lane-take",
  "lane-release",
  "lane-attempt",
  "lane-commit",
  "lane-balance",
  "lane-raise",
  "parked-list",
  "parked-rerun",
  "outbox-enqueue",
  "outbox-confirm",
  "outbox-read",
  "outbox-forget",
  "writer-enrol",
  "writer-take",
  "writer-end",
  "writer-ask",
  "held-hold",
  "held-resend",
  "held-discard",
  "member-join",
  "member-renew",
] as const;

export type ScriptName = (typeof NAMES)[number];

export interface Script {
  readonly text: string;
  readonly sha: string;
  /** null: any number. */
  readonly keys: number | null;
}

export type Scripts = Readonly<Record<ScriptName, Script>>;

export function readScripts(): Scripts {
  const folder = new URL("./lua/", import.meta.url);
  const found: Record<string, Script> = {};
  for (const file of readdirSync(folder)) {
    const [, name, keys] = /^(.+)-(\d+|n)\.lua$/.exec(file) ?? [];
    assert(name !== undefined && keys !== undefined, `${file} is named after its number of KEYS`);
    const text = readFileSync(new URL(file, folder), "utf8");
    const sha = createHash("sha1").update(text).digest("hex");
    found[name] = { text, sha, keys: keys === "n" ? null : Number(keys) };
  }
  assert(NAMES.every((name) => found[name]) && Object.keys(found).length === NAMES.length, "every script has its file");
  return found as Scripts;
}
