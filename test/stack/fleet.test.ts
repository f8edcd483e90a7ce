/** The fleet tool's own verdict on a whole stack: what every later change has to keep. */
import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { stackOfTest } from "#test/fixtures/stack.ts";

const ROOT = resolve(import.meta.dirname, "../..");

test("phones of every dialect are answered once and in order by two gateways and two workers", async () => {
  const { dir } = await stackOfTest({ gateways: 2, workers: 2 });
  const load = ["--bots", "24", "--rate", "200", "--seconds", "5", "--json"];
  const env = { ...process.env, MOA_DATA_DIR: dir };
  const fleet = promisify(execFile)(process.execPath, ["scripts/fleet.ts", ...load], { cwd: ROOT, env });
  const { stdout } = await fleet.catch((error: { stdout: string; stderr: string }) => {
    throw new Error(`the fleet failed:\n${error.stdout}${error.stderr}`);
  });
  const verdict = JSON.parse(stdout.trimEnd().split("\n").at(-1) as string);
  expect(verdict.sent).toBeGreaterThan(900);
  expect(verdict).toMatchObject({
    answered: verdict.sent,
    lost: 0,
    doubled: 0,
    ambiguous: 0,
    expired: 0,
    reordered: 0,
  });
});
