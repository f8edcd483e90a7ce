import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { readEncrypted, writeEncrypted } from "./encrypted.ts";

const settings = { bridgePort: 1500, opsToken: "hunter2 hunter2!" };

function pair() {
  const dir = mkdtempSync(join(tmpdir(), "moa-pair-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  return { keyFile: join(dir, ".kkobot.key"), encFile: join(dir, ".kkobot.enc") };
}

test("what was written is read, and only its owner can", () => {
  const { keyFile, encFile } = pair();
  writeFileSync(encFile, "of before", { mode: 0o644 });
  writeEncrypted({ settings, keyFile, encFile });
  expect(readEncrypted(keyFile, encFile)).toEqual(settings);
  for (const file of [keyFile, encFile]) {
    expect(statSync(file).mode & 0o777, file).toBe(0o600);
    expect(readFileSync(file, "latin1")).not.toContain("hunter2");
  }
});

test("written again it keeps its key and shows nothing of what stayed the same", () => {
  const { keyFile, encFile } = pair();
  writeEncrypted({ settings, keyFile, encFile });
  const before = [readFileSync(keyFile, "utf8"), readFileSync(encFile, "utf8")];
  writeEncrypted({ settings, keyFile, encFile });
  expect(readFileSync(keyFile, "utf8")).toBe(before[0]);
  expect(readFileSync(encFile, "utf8").slice(14)).not.toBe(before[1]?.slice(14));
});

test("a key file without a key is told, not overwritten", () => {
  const { keyFile, encFile } = pair();
  writeFileSync(keyFile, "hunter2");
  expect(() => writeEncrypted({ settings, keyFile, encFile })).toThrow(`${keyFile} holds no Fernet key`);
  expect(readFileSync(keyFile, "utf8")).toBe("hunter2");
});

test("a place where nothing can be written is told", () => {
  const { keyFile } = pair();
  expect(() => writeEncrypted({ settings, keyFile, encFile: "/proc/moa.enc" })).toThrow(
    "/proc/moa.enc cannot be written",
  );
});
