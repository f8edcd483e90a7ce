/** deploy/compose.yaml, without an engine: what it names is there, and what its pods would be given is what they take. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { loadConfig } from "#common/config/load.ts";
import { graceSeconds } from "#deploy/k8s/grace.ts";
import { defaultValues } from "#deploy/k8s/values.ts";
import { stagesOf } from "./dockerfile.ts";
import { at, listAt, mapAt } from "./thing.ts";

const DEPLOY = join(import.meta.dirname, "../../deploy");
const PODS = ["gateway", "workers", "migrate", "console"];

type Env = Readonly<Record<string, string>>;

const read = (file: string) => readFileSync(join(DEPLOY, file), "utf8");
const sentinel: Env = Object.fromEntries(
  read("compose/sentinel.env")
    .split("\n")
    .filter((line) => /^\w+=/.test(line))
    .map((line) => line.split(/=(.*)/s, 2)),
);

const VARIABLE = /[$][{](?<name>\w+)(?:(?<how>:?[-?])(?<other>[^}]*))?[}]/g;

/** As compose reads it with these variables set: it puts them into what was read, not into the text. */
function compose(env: Env): unknown {
  const written: unknown = parse(read("compose.yaml"), { merge: true });
  return JSON.parse(JSON.stringify(written), (_, value: unknown) =>
    typeof value === "string" ? filled(value, env) : value,
  );
}

function filled(text: string, env: Env): string {
  return text.replace(VARIABLE, (...found) => {
    const { name = "", how = "", other = "" } = found.at(-1) as Env;
    const value = env[name];
    if (value !== undefined && (value !== "" || !how.startsWith(":"))) return value;
    if (how.endsWith("?")) throw new Error(`${name}: ${other}`);
    return other;
  });
}

const GIVEN = { MOA_OPS_TOKEN: "0123456789abcdef" };
const plain = compose(GIVEN);
const services = Object.entries(mapAt(plain, "services"));
const named = (name: string, of = plain) => at(of, `services/${name}`);
const envOf = (service: unknown) =>
  Object.fromEntries(Object.entries(mapAt(service, "environment")).map(([name, value]) => [name, String(value)]));

describe("deploy/compose.yaml", () => {
  test("demands a token, and nothing else", () => {
    expect(() => compose({})).toThrow("MOA_OPS_TOKEN");
    expect(() => compose(GIVEN)).not.toThrow();
  });

  test("builds targets that the Dockerfile has", () => {
    const targets = stagesOf(read("Dockerfile")).map(({ name }) => name);
    const built = services.flatMap(([, service]) => at(service, "build/target") ?? []);
    expect(built).toEqual(PODS);
    for (const target of built) expect(targets).toContain(target);
    for (const name of PODS)
      expect(existsSync(join(DEPLOY, "..", String(at(named(name), "build/dockerfile"))))).toBe(true);
  });

  test("takes every other image in a version that stays", () => {
    const images = services.flatMap(([, service]) => at(service, "image") ?? []);
    expect(images.length).toBeGreaterThan(5);
    for (const image of images) expect(image).toMatch(/^[a-z/-]+:v?\d+[.]\d+[.]\d+(-\w+)?$/);
  });

  test.each(["gateway", "workers", "migrate"])(
    "gives %s settings that it takes, and the defaults of the manifests",
    (name) => {
      const env = envOf(named(name));
      expect(loadConfig({ env, argv: [] })).toMatchObject({ host: "0.0.0.0", redisUrl: "redis://redis:6379/0" });
      for (const setting of ["MOA_APPROVAL", "MOA_HMAC"]) expect(env[setting]).toBe(defaultValues.settings[setting]);
    },
  );

  test("with sentinel.env, pods ask the Sentinels that it starts, and no master writes without a replica", () => {
    const with3 = compose({ ...GIVEN, ...sentinel });
    const { redisSentinels } = loadConfig({ env: envOf(named("gateway", with3)), argv: [] });
    expect(redisSentinels).toHaveLength(3);
    for (const place of redisSentinels)
      expect(listAt(named(place.split(":")[0] ?? ""), "profiles")).toEqual(["sentinel"]);
    const writing = ["redis", "redis-replica-1", "redis-replica-2"].map((name) =>
      String(at(named(name, with3), "command")),
    );
    for (const command of writing) {
      expect(command).toContain("--min-replicas-to-write 1 --min-replicas-max-lag 2");
      expect(command).toContain("--maxmemory-policy noeviction");
      expect(command).toContain("--appendonly yes");
    }
  });

  test.each(PODS)("%s may do nothing that it need not", (name) => {
    expect(named(name)).toMatchObject({ user: "65532:65532", read_only: true, cap_drop: ["ALL"], tmpfs: ["/tmp"] });
  });

  test("waits for a pod's end as long as Kubernetes does", () => {
    expect(at(named("gateway"), "stop_grace_period")).toBe(`${graceSeconds.gateway}s`);
    expect(at(named("workers"), "stop_grace_period")).toBe(`${graceSeconds.workers}s`);
  });

  test("names files, volumes and services that are there", () => {
    for (const [name, service] of services) {
      for (const other of Object.keys(mapAt(service, "depends_on")))
        expect(named(other), `${name}: ${other}`).toBeDefined();
      for (const mount of listAt(service, "volumes").map(String)) {
        const [source = ""] = mount.split(":");
        const home = join(DEPLOY, ...source.split("/").slice(0, 2));
        // What a folder of the tree holds must be there; a tree without dashboards can still be tried.
        if (source.startsWith(".")) expect(existsSync(join(DEPLOY, source)), mount).toBe(existsSync(home));
        else expect(at(plain, `volumes/${source}`), mount).toBeDefined();
      }
    }
  });

  test("Prometheus asks gateways and workers at their ops port, under the labels of the operator", () => {
    const jobs = listAt(parse(read("compose/prometheus.yml")), "scrape_configs");
    const asked = jobs.map((job) => [
      at(job, "job_name"),
      at(job, "dns_sd_configs/0/names/0"),
      at(job, "dns_sd_configs/0/port"),
    ]);
    expect(asked).toEqual([
      ["moa-gateway", "gateway", 9464],
      ["moa-workers", "workers", 9464],
    ]);
    for (const job of jobs) {
      expect(listAt(job, "relabel_configs").map((one) => at(one, "target_label"))).toEqual(["namespace", "pod"]);
    }
  });
});
