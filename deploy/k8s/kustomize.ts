/**
 * The kustomize form: a base, components that are the difference a few values make to it, and overlays that choose
 * components and differ in the rest. The ConfigMap is generated there, so that its name changes with its content.
 */
import { difference } from "./difference.ts";
import { components, type Environment, environments, valuesOf } from "./environments.ts";
import { type Manifest, manifests } from "./manifests.ts";
import { labelsOf, names, PART_OF } from "./names.ts";
import { yamlOf } from "./templates.ts";
import { defaultValues, merged, type SomeValues, type Values } from "./values.ts";

type Files = Readonly<Record<string, string>>;

const JOB = `${names.migrate}-${defaultValues.image.tag.replaceAll(".", "-")}`;
const NAMESPACE = "moa";

/** Pods here may do what Pod Security calls restricted, and no more. */
const NAMESPACE_OBJECT: Manifest = {
  apiVersion: "v1",
  kind: "Namespace",
  metadata: { name: NAMESPACE, labels: { ...PART_OF, "pod-security.kubernetes.io/enforce": "restricted" } },
};

/** Every object by its kind and name. */
export function objectsOf(values: Values, namespace = NAMESPACE): ReadonlyMap<string, Manifest> {
  const all = Object.values(manifests(values, { jobName: JOB, namespace })).flat();
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
  const byFile = Object.entries(manifests(defaultValues, { jobName: JOB, namespace: NAMESPACE })).map(
    ([name, objects]) => {
      const there = objects.filter((one) => one !== undefined && !isConfig(one));
      return [`base/${name}.yaml`, there] as const;
    },
  );
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
    "base/namespace.yaml": documents([NAMESPACE_OBJECT]),
    "base/kustomization.yaml": documents([kustomization]),
  };
}

function componentFiles(name: string, over: SomeValues): Files {
  const values = merged(defaultValues, over);
  const { added, patches } = changes(objectsOf(defaultValues), objectsOf(values));
  const folder = `components/${name}`;
  const all = {
    ...kustomizationOf("Component"),
    ...(added.length > 0 && { resources: ["added.yaml"] }),
    ...settingsOver(defaultValues, values),
    ...patches,
  };
  return {
    [`${folder}/kustomization.yaml`]: documents([all]),
    ...(added.length > 0 && { [`${folder}/added.yaml`]: documents(added) }),
  };
}

function overlayFiles(name: string, environment: Environment): Files {
  const { components: on } = environment;
  const begun = on.reduce((values, one) => merged(values, components[one]), defaultValues);
  const values = merged(defaultValues, valuesOf(environment));
  const namespace = `${NAMESPACE}-${name}`;
  const { added, patches } = changes(objectsOf(begun), objectsOf(values, namespace));
  if (added.length > 0) throw new Error(`overlay ${name}: what adds objects is a component`);
  const all = {
    ...kustomizationOf("Kustomization"),
    namespace,
    resources: ["../../base"],
    ...(on.length > 0 && { components: on.map((one) => `../../components/${one}`) }),
    ...settingsOver(begun, values),
    ...patches,
  };
  return { [`overlays/${name}/kustomization.yaml`]: documents([all]) };
}

type Objects = ReturnType<typeof objectsOf>;

function changes(before: Objects, after: Objects) {
  const added = [...after].flatMap(([id, object]) => (before.has(id) ? [] : [object]));
  const gone = [...before].flatMap(([id, object]) => (after.has(id) ? [] : [deletionOf(object)]));
  const changed = [...after].flatMap(([id, object]) => {
    const operations = isConfig(object) ? [] : difference(before.get(id) ?? object, object);
    return operations.length === 0 ? [] : [{ target: targetOf(object), patch: yamlOf(operations) }];
  });
  return { added, patches: gone.length + changed.length > 0 && { patches: [...gone, ...changed] } };
}

function settingsOver(from: Values, to: Values) {
  const other = Object.entries(to.settings).filter(([name, value]) => from.settings[name] !== value);
  const generator = { name: names.config, behavior: "merge", literals: literalsOf(Object.fromEntries(other)) };
  return other.length > 0 && { configMapGenerator: [generator] };
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
