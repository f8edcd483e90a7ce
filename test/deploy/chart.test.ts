/** The chart by the real Helm, and beside it what kustomize makes of the same source. */
import { mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { examples } from "#deploy/k8s/chart.ts";
import { type Component, components, environments, valuesOf } from "#deploy/k8s/environments.ts";
import { objectsOf } from "#deploy/k8s/kustomize.ts";
import { defaultValues, merged, type SomeValues } from "#deploy/k8s/values.ts";
import { CHART, chart, comparable, helm, kustomize } from "./render.ts";
import { faultsOf } from "./strict.ts";

const K8S = realpathSync(join(CHART, ".."));

const names = Object.keys(examples());
const fileOf = (name: string) => `chart/examples/${name}.yaml`;
/** What the source says, without either form. */
const plain = (values: SomeValues) => comparable([...objectsOf(merged(defaultValues, values)).values()]);

/** Kustomize wants a folder for what is put together. */
function overlayWith(component: Component): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "moa-overlay-")));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const at = (path: string) => relative(folder, join(K8S, path));
  const about = { apiVersion: "kustomize.config.k8s.io/v1beta1", kind: "Kustomization" };
  const all = { ...about, resources: [at("base")], components: [at(`components/${component}`)] };
  writeFileSync(join(folder, "kustomization.yaml"), JSON.stringify(all));
  return folder;
}

describe("the chart", () => {
  test("every example that is there is one that is made", () => {
    expect(readdirSync(join(CHART, "examples")).toSorted()).toEqual(names.map((name) => `${name}.yaml`).toSorted());
  });

  test.each(["", ...names])("lints without a warning, and renders what the source says: %s", (name) => {
    const given = name === "" ? [] : ["--values", fileOf(name)];
    helm("lint", "--strict", "chart", ...given);
    const expected = plain(examples()[name] ?? {});
    expect(comparable(chart(...given))).toEqual(expected);
  });

  test("pods are replaced when a setting changes, and not otherwise", () => {
    const sum = (...more: string[]) => JSON.stringify(chart(...more)).match(/"checksum[/]config":"\w+"/)?.[0];
    expect(sum()).toBe(sum("--set", "gateway.replicas=3"));
    expect(sum()).not.toBe(sum("--set", "settings.MOA_LOG_LEVEL=debug"));
  });

  test.each<readonly [string, string]>([
    ["an unknown value", "gateway.replica=3"],
    ["an unknown setting", "settings.MOA_SHARD=3"],
    ["a secret among the settings", "settings.MOA_OPS_TOKEN=0123456789abcdef"],
    ["no worker", "workers.replicas=0"],
    ["no worker while it is scaled", "scaling.workers.min=0"],
    ["more workers than lanes", "workers.replicas=17"],
    ["more workers than lanes while it is scaled", "scaling.workers.max=17"],
    ["more at least than at most", "scaling.gateway.min=11"],
    ["a tag that moves", "image.tag=latest"],
    ["no tag", "image.tag="],
    ["a digest that is none", "image.digest.gateway=latest"],
    ["the port of TLS, which is the Service's as well", "settings.MOA_TLS_PORT=1494"],
    ["a number as text", "gateway.replicas=many"],
    ["a quantity without its unit", "gateway.memory=1024"],
    ["nobody in the place of somebody, which a policy takes for everybody", "network.phones=[]"],
    ["two ways of scaling", "scaling.by=both"],
  ])("refuses %s: %s", (_, given) => {
    expect(() => chart(given.includes("[]") ? "--set-json" : "--set", given)).toThrow(
      /helm refuses: .*(schema|lanes|above max)/s,
    );
  });

  test("the schema alone refuses more workers than the lanes that are there by default", () => {
    for (const value of ["workers.replicas=17", "scaling.workers.max=17"]) {
      expect(() => chart("--set", value)).toThrow(/schema.*16/s);
    }
  });

  test("an image's digest wins over the tag, each image having its own", () => {
    const digest = `sha256:${"0a".repeat(32)}`;
    const images = JSON.stringify(chart("--set", `image.digest.workers=${digest}`)).match(/"image":"[^"]*"/g);
    const named = images?.filter((one) => one.includes("@"));
    expect(named).toEqual([expect.stringMatching(`/moa-workers:[0-9.]+@${digest}"$`)]);
  });

  test("more workers go with more lanes", () => {
    const more = { type: "string", value: "settings.MOA_SHARDS=4" };
    expect(() => chart("--set-string", more.value, "--set", "workers.replicas=32")).not.toThrow();
    expect(() => chart("--set-string", more.value, "--set", "workers.replicas=33")).toThrow(
      "there are 32 lanes (MOA_SHARDS x",
    );
  });

  test("the notes name what must be there first", () => {
    const said = helm("install", "moa", "chart", "--dry-run=client", "--namespace", "bots");
    for (const word of ["MOA_REDIS_URL", "MOA_HMAC_KEYS", "kubectl -n bots"]) expect(said).toContain(word);
  });
});

describe("kustomize", () => {
  test("the base is what the chart renders by default", () => {
    expect(comparable(kustomize("base"))).toEqual(comparable(chart()));
  });

  test.each(Object.keys(components) as Component[])(
    "the component %s is what the chart renders with its values",
    (name) => {
      expect(comparable(kustomize(overlayWith(name)))).toEqual(comparable(chart("--values", fileOf(name))));
    },
  );

  test.each(Object.keys(environments))("the overlay %s is what the chart renders with its values", (name) => {
    expect(comparable(kustomize(`overlays/${name}`))).toEqual(
      comparable(chart("--values", fileOf(name), "--namespace", `moa-${name}`)),
    );
  });

  test("an overlay's pods take their settings from the ConfigMap whose name follows its content", () => {
    const text = JSON.stringify(kustomize("overlays/prod"));
    const named = new Set(text.match(/"moa-config-\w+"/g));
    expect(named.size).toBe(1);
    expect(text).not.toMatch(/Ref":[{]"name":"moa-config"/);
  });
});

describe("every object", () => {
  const planted = (change: (object: { spec: { template: { spec: { containers: object[] } } } }) => void) => {
    const gateway = structuredClone(objectsOf(defaultValues).get("Deployment/moa-gateway"));
    change(gateway as never);
    return faultsOf(new Map([["planted", gateway as never]]));
  };

  test("of every example and overlay is one that Kubernetes knows, field by field", async () => {
    const all = names.flatMap((name) =>
      chart("--values", fileOf(name)).map(
        (object) => [`${name} ${object.kind}/${object.metadata?.name}`, object] as const,
      ),
    );
    const overlays = Object.keys(environments).flatMap((name) =>
      kustomize(`overlays/${name}`).map(
        (object) => [`overlay ${name} ${object.kind}/${object.metadata?.name}`, object] as const,
      ),
    );
    expect(all.length).toBeGreaterThan(150);
    expect(await faultsOf(new Map([...all, ...overlays]))).toEqual([]);
  });

  test("that says slep is reported", async () => {
    const found = await planted(({ spec }) => {
      Object.assign(spec.template.spec.containers[0] ?? {}, { lifecycle: { preStop: { slep: { seconds: 5 } } } });
    });
    expect(found.join()).toMatch(/slep.* does not exist in type/);
  });

  test("with text in a number's place is reported", async () => {
    const found = await planted((object) => Object.assign(object.spec, { replicas: "two" }));
    expect(found.join()).toMatch(/replicas must be integer/);
  });

  test("of a kind that is not there is reported", async () => {
    expect(await faultsOf(new Map([["planted", { apiVersion: "apps/v1", kind: "Deploymnt" }]]))).toEqual([
      "planted: no such kind: apps/v1 Deploymnt",
    ]);
  });
});

test("values of an environment are those of its components and its own", () => {
  const { prod } = environments;
  expect(prod && valuesOf(prod)).toMatchObject({
    scaling: { by: "keda", workers: { max: 32 } },
    externalSecret: { enabled: true },
  });
});
