/**
 * The kustomize form: a base, components that are the difference a few values make to it, and overlays that choose
 * components and differ in the rest. The ConfigMap is generated there, so that its name changes with its content.
 */

import { difference } from "./difference.ts";
import { components, type Environment, environments, valuesOf } from "./environments.ts";
import { type Manifest, manifests } from "./manifests.ts";
import { labelsOf, names, PART_OF } from "./names.ts";
import { yamlOf } from "./templates.ts";
import { defaultValues, merged, type Place, type SomeValues, type Values } from "./values.ts";

type Files = Readonly<Record<string, string>>;

const place: Place = { jobName: `${names.migrate}-${defaultValues.image.tag.replaceAll(".", "-")}` };

/** Pods here may do what Pod Security calls restricted, and no more. */
const NAMESPACE: Manifest = {
  apiVersion: "v1",
  kind: "Namespace",
  metadata: { name: "moa", labels: { ...PART_OF, "pod-security.kubernetes.io/enforce": "restricted" } } as {
    name: string;
  },
};

/** Every object by its kind and name. */
export function objectsOf(values: Values, where: Place = place): ReadonlyMap<string, Manifest> {
  const all = Object.values(manifests(values, where)).flat();
  return new Map(all.flatMap((one) => (one === undefined ? [] : [[idOf(one), one]])));
}

export function idOf({ kind, metadata }: Manifest): string {
  return `${kind}/${metadata?.name}`;
}

export function kustomizeFiles(): Files {
  const all: Record<string, string> = { ...baseFiles() };
  for (const [name, values] of Object.entries(components)) Object.assign(all, componentFiles(name, values));
  for (const [name, environment] of Object.entries(environments)) Object.assign(all, overlayFiles(name, environment));
  return all;
}

function baseFiles(): Files {
  const byFile = Object.entries(manifests(defaultValues, place)).map(([name, objects]) => {
    const there = objects.filter((one) => one !== undefined && !isConfig(one));
    return [`base/${name}.yaml`, there] as const;
  });
  const files = byFile.filter(([, objects]) => objects.length > 0);
  const kustomization = {
    ...kustomizationOf("Kustomization"),
    resources: ["namespace.yaml", ...files.map(([name]) => name.replace("base/", ""))],
    configMapGenerator: [
      {
        name: names.config,
        literals: literalsOf(defaultValues.settings),
        options: { labels: labelsOf(names.config) },
      },
    ],
  };
  const texts = files.map(([name, objects]) => [name, documents(objects)]);
  return {
    ...Object.fromEntries(texts),
    "base/namespace.yaml": documents([NAMESPACE]),
    "base/kustomization.yaml": documents([kustomization]),
  };
}

function componentFiles(name: string, values: SomeValues): Files {
  const changed = changesOf(defaultValues, merged(defaultValues, values));
  const folder = `components/${name}`;
  return {
    [`${folder}/kustomization.yaml`]: documents([{ ...kustomizationOf("Component"), ...changed.kustomization }]),
    ...(changed.added.length > 0 && { [`${folder}/added.yaml`]: documents(changed.added) }),
  };
}

function overlayFiles(name: string, environment: Environment): Files {
  const begun = environment.components.reduce((values, one) => merged(values, components[one]), defaultValues);
  const { kustomization, added } = changesOf(begun, merged(defaultValues, valuesOf(environment)));
  if (added.length > 0) throw new Error(`overlay ${name}: what adds objects is a component`);
  const all = {
    ...kustomizationOf("Kustomization"),
    namespace: `moa-${name}`,
    resources: ["../../base"],
    components: environment.components.map((one) => `../../components/${one}`),
    ...kustomization,
  };
  return { [`overlays/${name}/kustomization.yaml`]: documents([all]) };
}

function changesOf(from: Values, to: Values) {
  const [before, after] = [objectsOf(from), objectsOf(to)];
  const added = [...after].flatMap(([id, object]) => (before.has(id) ? [] : [object]));
  const gone = [...before].flatMap(([id, object]) => (after.has(id) ? [] : [deletionOf(object)]));
  const changed = [...after].flatMap(([id, object]) => {
    const operations = isConfig(object) ? [] : difference(before.get(id) ?? object, object);
    return operations.length === 0 ? [] : [{ target: targetOf(object), patch: yamlOf(operations) }];
  });
  const settings = Object.entries(to.settings).filter(([name, value]) => from.settings[name] !== value);
  const generator = { name: names.config, behavior: "merge", literals: literalsOf(Object.fromEntries(settings)) };
  return {
    added,
    kustomization: {
      ...(added.length > 0 && { resources: ["added.yaml"] }),
      ...(settings.length > 0 && { configMapGenerator: [generator] }),
      ...(gone.length + changed.length > 0 && { patches: [...gone, ...changed] }),
    },
  };
}

function deletionOf({ apiVersion, kind, metadata }: Manifest) {
  return { patch: yamlOf({ apiVersion, kind, metadata: { name: metadata?.name }, $patch: "delete" }) };
}

function targetOf({ kind, metadata }: Manifest) {
  return { kind, name: metadata?.name };
}

function isConfig(object: Manifest): boolean {
  return idOf(object) === `ConfigMap/${names.config}`;
}

function literalsOf(settings: Readonly<Record<string, string>>): string[] {
  return Object.entries(settings).map(([name, value]) => `${name}=${value}`);
}

function kustomizationOf(kind: "Kustomization" | "Component") {
  const version = kind === "Component" ? "v1alpha1" : "v1beta1";
  return { apiVersion: `kustomize.config.k8s.io/${version}`, kind };
}

function documents(objects: readonly unknown[]): string {
  return `# Made from deploy/k8s/*.ts: npm run docs\n${objects.map(yamlOf).join("---\n")}`;
}
