/** `npm run demo:ops` shows what it promises, and its last line says so to scripts. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const MAIN = join(import.meta.dirname, "../../scripts/demo-ops.ts");
const MS_MAX = 115_000;

it("the demonstration shows an alert, panels and a trace of a zombie failover, and passes", async () => {
  const run = await promisify(execFile)(process.execPath, [MAIN, "--json"], { timeout: MS_MAX }).catch(
    (failed: { stdout: string }) => failed,
  );
  const verdict = JSON.parse(run.stdout.trimEnd().split("\n").at(-1) as string);
  expect(verdict).toMatchObject({
    verdict: "pass",
    alert: "MoaFailoverStorm",
    trace: expect.stringMatching(/^[0-9a-f]{32}$/),
    panels: { "Two writers at once": { violations: 0 } },
    failed: [],
  });
});
