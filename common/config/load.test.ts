import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { hasCode, type MoaError } from "../kernel/errors.ts";
import { writeEncrypted } from "./encrypted.ts";
import { configHash, describeConfig, loadConfig } from "./load.ts";
import { settingsSchema } from "./schema.ts";
import type { ConfigSources } from "./sources.ts";

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

function dirOfTest(): string {
  const dir = mkdtempSync(join(tmpdir(), "moa-config-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  return dir;
}

function fileOf(content: string): string {
  const file = join(dirOfTest(), "moa.json");
  writeFileSync(file, content);
  return file;
}

/** Variables that name an encrypted pair with these settings. */
function pairOf(settings: Readonly<Record<string, unknown>>) {
  const dir = dirOfTest();
  const [keyFile, encFile] = [join(dir, ".moa.key"), join(dir, ".moa.enc")];
  writeEncrypted({ settings, keyFile, encFile });
  return { MOA_CONFIG_KEY_FILE: keyFile, MOA_CONFIG_ENC_FILE: encFile };
}

const DATABASES = {
  live: { HOST: "db.example.org", USER: "kkobot", PASS: "p@ss/w:rd", NAME: "people", PORT: 3336, POOL_SIZE: 5 },
  test: { HOST: "::1", USER: "kkobot", PASS: "시험" },
};

test("without sources every setting has its default, and all defaults are valid", () => {
  const config = load({});
  for (const [name, spec] of Object.entries(settingsSchema)) {
    expect(config[name as keyof typeof config], name).toEqual(spec.default);
    expect(faultsOf({ env: { [spec.env]: String(spec.default) } }), spec.env).toEqual([]);
  }
});

test("the command line beats the environment, the encrypted pair, the file and the default, in this order", () => {
  const file = fileOf('{"bridgePort": 1, "shards": 3, "workerRoles": ["rows"]}');
  const pair = pairOf({ shards: 5, lanesPerShard: 6, bridgePort: 7 });
  const env = { MOA_CONFIG_FILE: file, ...pair, MOA_BRIDGE_PORT: "2", MOA_HOST: "::1" };
  expect(load({ env, argv: ["--port=4", "--host", "0.0.0.0"] })).toMatchObject({ bridgePort: 4, host: "0.0.0.0" });
  expect(load({ env })).toMatchObject({ bridgePort: 2, host: "::1", shards: 5, lanesPerShard: 6 });
  expect(load({ env }).workerRoles).toEqual(["rows"]);
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

test("Redis is named in one way, with nothing said that this way has no use for", () => {
  const cluster = { MOA_REDIS_CLUSTER: "a:6379, [::1]:6380" };
  const sentinels = { MOA_REDIS_SENTINELS: "a:26379", MOA_REDIS_MASTER: "m", MOA_REDIS_SENTINEL_PASSWORD: "x" };
  const access = { MOA_REDIS_USER: "u", MOA_REDIS_PASSWORD: "hunter2", MOA_REDIS_TLS: "true", MOA_REDIS_CA_FILE: "ca" };
  expect(load({ env: { ...cluster, ...access } }).redisCluster).toEqual(["a:6379", "[::1]:6380"]);
  expect(load({ env: { ...sentinels, ...access } }).redisMaster).toBe("m");
  load({ env: { MOA_REDIS_URL: "rediss://a", MOA_REDIS_CA_FILE: "ca" } });

  const url = { MOA_REDIS_URL: "redis://a" };
  expect(faultsOf({ env: { ...cluster, ...url, ...access } })).toEqual([
    "MOA_REDIS_URL and MOA_REDIS_CLUSTER: name one way to Redis",
  ]);
  expect(faultsOf({ env: { ...cluster, ...sentinels } })).toHaveLength(1);
  expect(faultsOf({ env: { ...url, MOA_REDIS_USER: "u", MOA_REDIS_MASTER: "m", MOA_REDIS_CA_FILE: "ca" } })).toEqual([
    expect.stringMatching(/^MOA_REDIS_USER: .*URL$/),
    expect.stringMatching(/^MOA_REDIS_MASTER: .*SENTINELS$/),
    expect.stringMatching(/^MOA_REDIS_CA_FILE: .*TLS/),
  ]);
  for (const wrong of ["a", "a:0", "a:66000", "redis://a:1", "a:1,b", "u@a:1"]) {
    expect(faultsOf({ env: { MOA_REDIS_CLUSTER: wrong } })).toEqual([expect.stringContaining("host:6379")]);
  }
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

test("what is in a pair is told by its file, and a wrong key names the file and the way out", () => {
  const pair = pairOf({ opsToken: "hunter2 hunter2!", shards: 99, shard: 1 });
  const [misfit, unknown, ...rest] = faultsOf({ env: pair }).toSorted();
  expect([misfit, unknown, rest]).toEqual([
    expect.stringContaining(`"shard" in ${pair.MOA_CONFIG_ENC_FILE}: no such setting; did you mean shards?`),
    expect.stringContaining(`"shards" in ${pair.MOA_CONFIG_ENC_FILE}: must be a whole number from 1 to 64`),
    [],
  ]);
  const wrong = { ...pair, MOA_CONFIG_KEY_FILE: pairOf({}).MOA_CONFIG_KEY_FILE };
  const [fault, ...others] = faultsOf({ env: wrong });
  expect(fault).toContain(`MOA_CONFIG_ENC_FILE: ${pair.MOA_CONFIG_ENC_FILE} was changed or not made with the key in`);
  expect(fault).toContain("moa config encrypt");
  expect(others).toEqual([]);
  expect(faultsOf({ env: { MOA_CONFIG_KEY_FILE: "somewhere" } })).toEqual([
    expect.stringContaining("without the other"),
  ]);
  expect(faultsOf({ env: { ...pair, MOA_CONFIG_KEY_FILE: "/nowhere/.key" } })).toEqual([
    "MOA_CONFIG_ENC_FILE: /nowhere/.key cannot be read: ENOENT",
  ]);
});

test("--mode chooses the original's database in the pair: test its `test`, prod its `live`", () => {
  const env = pairOf({ DBs: DATABASES });
  expect(load({ env, argv: ["--mode=prod"] }).mysqlUrl).toBe(
    "mysql://kkobot:p%40ss%2Fw%3Ard@db.example.org:3336/people",
  );
  expect(load({ env, argv: ["--mode", "test"] }).mysqlUrl).toBe(
    `mysql://kkobot:${encodeURIComponent("시험")}@[::1]:3306/kkobot_test`,
  );
  expect(faultsOf({ env })).toEqual([expect.stringContaining("choose one of them: --mode=test or --mode=prod")]);
  const named = { ...env, MOA_MYSQL_URL: "mysql://moa@elsewhere/mine" };
  expect(load({ env: named }).mysqlUrl).toBe("mysql://moa@elsewhere/mine");
});

test("a database of the pair that lacks a field is a fault that shows nothing of it", () => {
  const env = pairOf({ DBs: { live: { HOST: "hunter2", PASS: "hunter2" }, test: { ...DATABASES.test, PORT: "x" } } });
  const faults = [...faultsOf({ env, argv: ["--mode=prod"] }), ...faultsOf({ env, argv: ["--mode=test"] })];
  expect(faults).toEqual([
    expect.stringMatching(/"DBs" in .*: "live" needs HOST, USER and PASS/),
    expect.stringMatching(/"DBs" in .*, "test": must be a URL/),
  ]);
  expect(faults.join()).not.toMatch(/hunter2|시험|%/);
});

test("a mode alone names kkobot_test or kkobot_prod and its keys, but what was named stays", () => {
  expect(load({ argv: ["--mode=test"] })).toMatchObject({
    mysqlUrl: "mysql://moa@127.0.0.1:3306/kkobot_test",
    keyPrefix: "moa-test:",
  });
  expect(load({ env: { MOA_KEY_PREFIX: "mine:" }, argv: ["--mode=prod"] }).keyPrefix).toBe("mine:");
  const env = { MOA_MODE: "prod", MOA_MYSQL_URL: "mysql://u:p@db:3306" };
  expect(load({ env }).mysqlUrl).toBe("mysql://u:p@db:3306/kkobot_prod");
  expect(load({ env: { ...env, MOA_MYSQL_URL: "mysql://db/mine" } }).mysqlUrl).toBe("mysql://db/mine");
  expect(faultsOf({ argv: ["--mode=x"] })).toEqual([expect.stringMatching(/^--mode: must be test or prod.*usage: /)]);
});

test.each([
  [{ MOA_APPROVAL: "auto" }, "MOA_APPROVAL: auto"],
  [{ MOA_HMAC: "warn" }, "MOA_HMAC: warn"],
  [{ MOA_HMAC_KEYS: '{"*":{"require":false}}' }, "MOA_HMAC_KEYS: "],
])("%j does not start where others reach it, but with --insecure", (env, fault) => {
  for (const host of ["0.0.0.0", "::", "192.168.0.7"]) {
    const argv = ["--host", host];
    expect(faultsOf({ env, argv })).toEqual([expect.stringContaining(fault)]);
    expect(faultsOf({ env, argv: [...argv, "--insecure"] })).toEqual([]);
    expect(faultsOf({ env: { ...env, MOA_INSECURE: "1" }, argv })).toEqual([]);
  }
  for (const host of ["127.0.0.1", "127.8.8.8", "::1", "localhost"]) {
    expect(faultsOf({ env, argv: ["--host", host] })).toEqual([]);
  }
});

test("a certificate without its key is a fault, and so is a key alone", () => {
  for (const name of ["MOA_TLS_CERT_FILE", "MOA_TLS_KEY_FILE"]) {
    expect(faultsOf({ env: { [name]: "some.pem" } })).toEqual([expect.stringContaining("without the other")]);
  }
});

test("a short token is refused without being shown", () => {
  const [fault] = faultsOf({ env: { MOA_OPS_TOKEN: "hunter2" } });
  expect(fault).toContain("MOA_OPS_TOKEN: must have at least 16 characters");
  expect(fault).not.toContain("hunter2");
});

test("networks are taken as a list, and what is none is refused", () => {
  const given = (text: string) => ({ env: { MOA_PROXY_PROTOCOL_FROM: text } });
  expect(load(given("10.0.0.0/8, fd00::/8")).proxyProtocolFrom).toEqual(["10.0.0.0/8", "fd00::/8"]);
  for (const wrong of ["10.0.0.0", "10.0.0/8", "10.0.0.256/8", "10.0.0.0/33", "fd00::/129", "fd00:::/8", "x/8"]) {
    expect(faultsOf(given(wrong)), wrong).toEqual([expect.stringContaining("must be a comma separated list")]);
  }
});

test("each setting tells its value and whence it came, and no secret", () => {
  const env = {
    MOA_CONFIG_FILE: fileOf('{"shards": 3}'),
    ...pairOf({ DBs: DATABASES, outboxTags: 4 }),
    MOA_REDIS_URL: "rediss://user:hunter2@redis:6380/1?password=hunter2",
    MOA_HMAC_KEYS: '{"BOT":[{"key":"hunter2","salt":"hunter2"}]}',
    MOA_OPS_TOKEN: "hunter2 hunter2!",
  };
  const all = describeConfig({ env, argv: ["--mode=prod"] });
  const of = (name: string) => all.find(({ setting }) => setting === name);
  expect(all.map(({ setting }) => setting)).toEqual(Object.keys(settingsSchema));
  expect(of("bridgePort")).toEqual({
    setting: "bridgePort",
    variable: "MOA_BRIDGE_PORT",
    value: "1490",
    from: "default",
    as: "",
  });
  expect(of("shards")).toMatchObject({ value: "3", from: "file", as: `"shards" in ${env.MOA_CONFIG_FILE}` });
  expect(of("outboxTags")).toMatchObject({ value: "4", from: "enc" });
  expect(of("mode")).toMatchObject({ value: "prod", from: "argument", as: "--mode" });
  expect(of("mysqlUrl")).toMatchObject({ value: "mysql://kkobot:***@db.example.org:3336/people", from: "enc" });
  expect(of("redisUrl")).toMatchObject({ value: "rediss://user:***@redis:6380/1", from: "env", as: "MOA_REDIS_URL" });
  expect(of("hmacKeys")?.value).toBe("***");
  expect(of("workerRoles")?.value).toBe("lanes,rows,jobs");
  expect(JSON.stringify(all)).not.toMatch(/hunter2|p%40ss/);
});

test("pods of the same settings have the same number, whatever their names, ports and secrets", () => {
  const of = (env: Readonly<Record<string, string>>) => configHash(loadConfig({ env, argv: [] }));
  expect(of({ MOA_POD_NAME: "a", MOA_OPS_PORT: "1", MOA_OPS_TOKEN: "a token of sixteen" })).toBe(of({}));
  expect(of({ MOA_BOT_RATE: "999" })).not.toBe(of({}));
});
