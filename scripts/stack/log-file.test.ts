import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { rotateIfFull } from "./log-file.ts";

const LINES_PER_ROUND = 100;

test("D-31 a log grows, is rotated under the process that writes it, keeps three, and every line can be read", async () => {
  const dir = mkdtempSync(join(tmpdir(), "moa-log-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const file = join(dir, "pod.log");
  // As a pod: it holds the file open, and writes when it is told to.
  const code = `process.stdin.on("data", () => {
    for (let i = 0; i < ${LINES_PER_ROUND}; i++) console.log(JSON.stringify({ i, filler: "x".repeat(50) }));
  })`;
  const pod = spawn(process.execPath, ["-e", code], { stdio: ["pipe", openSync(file, "a", 0o600), "inherit"] });
  onTestFinished(async () => {
    pod.kill();
    await once(pod, "exit");
  });
  const linesOf = (path: string) => readFileSync(path, "utf8").split("\n").slice(0, -1);
  for (let round = 0; round < 5; round++) {
    pod.stdin?.write("go");
    await vi.waitFor(() => expect(linesOf(file)).toHaveLength(LINES_PER_ROUND), { timeout: 5_000, interval: 5 });
    rotateIfFull(file, statSync(file).size + 1);
    expect(linesOf(file)).toHaveLength(LINES_PER_ROUND);
    rotateIfFull(file, 1_000);
    expect(statSync(file).size).toBe(0);
  }
  expect(readdirSync(dir).toSorted()).toEqual(["pod.log", "pod.log.1", "pod.log.2", "pod.log.3"]);
  for (const age of [1, 2, 3]) {
    const lines = linesOf(`${file}.${age}`).map((line) => JSON.parse(line).i);
    expect(lines).toEqual(Array.from({ length: LINES_PER_ROUND }, (_, i) => i));
    expect(statSync(`${file}.${age}`).mode & 0o077).toBe(0);
  }
});
