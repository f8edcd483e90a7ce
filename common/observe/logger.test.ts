import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";

/** Lines that this logs in a process of its own: stdout is the log's only way out. */
function logged(code: string): readonly Readonly<Record<string, unknown>>[] {
  const script = `import { createLogger } from "./common/observe/logger.ts"; const log = createLogger("pod-1", "info"); ${code}`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module-typescript", "-e", script], {
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  return stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

test("D-29 each level shows itself and what is graver, changed at run time, for children too", () => {
  const lines = logged(`
    const child = log.child({ tag: "SERVER" });
    for (const least of ["debug", "info", "warn", "error", "silent"]) {
      log.setLevel(least);
      for (const level of ["debug", "info", "warn", "error"]) [log, child][level.length % 2][level]({ least }, log.leastLevel());
    }`);
  expect(lines.map(({ least, level }) => `${least}:${level}`)).toEqual([
    "debug:debug",
    "debug:info",
    "debug:warn",
    "debug:error",
    "info:info",
    "info:warn",
    "info:error",
    "warn:warn",
    "warn:error",
    "error:error",
  ]);
  expect(lines.every(({ least, msg }) => least === msg)).toBe(true);
});

test("a line has its pod, its time in UTC, its level's name and what it was given", () => {
  expect(logged('log.info({ tag: "CLIENT", reason: "replaced" }, "closed")')).toEqual([
    {
      level: "info",
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      pod: "pod-1",
      tag: "CLIENT",
      reason: "replaced",
      msg: "closed",
    },
  ]);
});

test("what proves or names a person is removed by name, one level deep too, and of a device its end stays", () => {
  const names = [
    "auth",
    "signature",
    "password",
    "key",
    "salt",
    "token",
    "text",
    "sender",
    "userHash",
    "phoneNumber",
    "macAddress",
  ];
  const [line = {}] = logged(`
    const all = Object.fromEntries(${JSON.stringify(names)}.map((name) => [name, "hunter2"]));
    log.error({ ...all, within: all, device: "ccbd8eee1012327e", deviceUUID: "hunter2" }, "x");`);
  expect(JSON.stringify(line)).not.toContain("hunter2");
  expect(line).toMatchObject({ device: "…327e", deviceUUID: "[removed]", within: { text: "[removed]" } });
});

test("an error keeps its code, its stack and its cause, and nothing that a driver hung on it", () => {
  const [line = {}] = logged(`
    const cause = Object.assign(new Error("inner"), { sql: "hunter2" });
    const err = Object.assign(new Error("outer", { cause }), { code: "E_X", sql: "hunter2", command: { args: ["hunter2"] } });
    log.error({ err }, "x");`);
  expect(line.err).toEqual({
    type: "Error",
    message: "outer: inner",
    code: "E_X",
    stack: expect.stringContaining("caused by"),
  });
  expect(JSON.stringify(line)).not.toContain("hunter2");
});
