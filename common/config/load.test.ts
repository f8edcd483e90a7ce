import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { hasCode, type MoaError } from "../kernel/errors.ts";
import { type ConfigSources, loadConfig } from "./load.ts";
import { settingsSchema } from "./schema.ts";

function load(sources: Partial<ConfigSources>) {
  return loadConfig({ env: {}, argv: [], ...sources });
}

function faultsOf(sources: Partial<ConfigSources>): string[] {
  try {
    load(sources);
  } catch (error) {
    expect(hasCode(error, "config_invalid")).toBe(true);
    return (error as MoaError).message.split("\n  ").slice(1);
  }
  return [];
}

function fileOf(content: string): string {
  const dir = mkdtempSync(join(tmpdir(), "moa-config-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  writeFileSync(join(dir, "moa.json"), content);
  return join(dir, "moa.json");
}

test("without sources every setting has its default, and all defaults are valid", () => {
  const config = load({});
  for (const [name, spec] of Object.entries(settingsSchema)) {
    expect(config[name as keyof typeof config], name).toEqual(spec.default);
    const given = Array.isArray(spec.default) ? spec.default.join(",") : String(spec.default);
    expect(faultsOf({ env: { [spec.env]: given } }), spec.env).toEqual([]);
  }
});

test("the command line beats the environment, which beats the file, which beats the default", () => {
  const file = fileOf('{"bridgePort": 1, "shards": 3, "workerRoles": ["rows"]}');
  const env = { MOA_CONFIG_FILE: file, MOA_BRIDGE_PORT: "2", MOA_HOST: "::1" };
  expect(load({ env, argv: ["--port=4", "--host", "0.0.0.0"] })).toMatchObject({ bridgePort: 4, host: "0.0.0.0" });
  expect(load({ env })).toMatchObject({ bridgePort: 2, host: "::1", shards: 3, workerRoles: ["rows"] });
});

test("--port 1500 says the same as --port=1500", () => {
  expect(load({ argv: ["--port", "1500"] }).bridgePort).toBe(1500);
  expect(load({ argv: ["--port=1500"] }).bridgePort).toBe(1500);
});

test("an empty variable counts as not set", () => {
  expect(load({ env: { MOA_BRIDGE_PORT: "", MOA_REDIS_URL: "" } }).bridgePort).toBe(1490);
});

test("one error lists every fault under the name that the person used", () => {
  const file = fileOf('{"lanesPerShard": 0, "lanePerShard": 4}');
  const env = {
    MOA_CONFIG_FILE: file,
    MOA_SHARDS: "65",
    MOA_BOT_RATE: "12abc",
    MOA_BRIGE_PORT: "1",
    MOA_LOG_LEVEL: "loud",
  };
  const faults = faultsOf({ env, argv: ["--port=99999", "--verbose"] });
  expect(faults).toHaveLength(8);
  const all = faults.join("\n");
  for (const name of [
    `"lanesPerShard" in ${file}: must`,
    "MOA_SHARDS: must",
    "MOA_BOT_RATE: must",
    "MOA_LOG_LEVEL: must",
    "--port: must",
  ]) {
    expect(all).toContain(name);
  }
  expect(all).toContain('"lanePerShard" in');
  expect(all).toContain("did you mean lanesPerShard?");
  expect(all).toContain("MOA_BRIGE_PORT: no such setting; did you mean MOA_BRIDGE_PORT?");
  expect(all).toContain("--verbose: no such option");
});

test("the value of a secret is in no fault, wherever it was given", () => {
  const broken = fileOf('{"redisUrl": "redis://hunter2');
  const typo = fileOf('{"mysqlUrl": "hunter2"}');
  const faults = [
    ...faultsOf({ env: { MOA_REDIS_URL: "http://user:hunter2@host", MOA_CONFIG_FILE: typo } }),
    ...faultsOf({ env: { MOA_CONFIG_FILE: broken } }),
  ];
  expect(faults).toHaveLength(3);
  expect(faults.join("\n")).not.toContain("hunter2");
});

test("names of Object.prototype in a file are unknown settings and change nothing", () => {
  const file = fileOf('{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}}');
  expect(faultsOf({ env: { MOA_CONFIG_FILE: file } })).toHaveLength(2);
  expect(({} as { polluted?: number }).polluted).toBeUndefined();
});

test("a configuration cannot be changed", () => {
  const config = load({});
  expect(Object.isFrozen(config)).toBe(true);
  expect(Object.isFrozen(config.workerRoles)).toBe(true);
});
