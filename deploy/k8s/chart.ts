/** The chart: the same objects with references in the values' places, the values' schema, and examples. */
import { Document, type YAMLMap } from "yaml";
import { settingsSchema } from "#common/config/schema.ts";
import manifest from "../../package.json" with { type: "json" };
import { type Component, components, environments, valuesOf } from "./environments.ts";
import { manifests } from "./manifests.ts";
import { names } from "./names.ts";
import { reference } from "./reference.ts";
import { templateOf, yamlOf } from "./templates.ts";
import { valueCatalogue } from "./value-catalogue.ts";
import { type Catalogue, isLeaf, referencesOf, schemaOf } from "./value-shapes.ts";
import { defaultValues, type Place, type SomeValues } from "./values.ts";

const MADE = "Made from deploy/k8s/*.ts: npm run docs";

const place: Place = {
  jobName: `${names.migrate}-${reference("bare", ".Release.Revision")}`,
  namespace: reference("text", ".Release.Namespace"),
  configChecksum: reference("text", "toJson .Values.settings | sha256sum"),
};

/** Those that are no environment: one for each thing that can be switched on. */
const EXAMPLES: Readonly<Record<string, SomeValues>> = {
  ...components,
  "migrate-hook": { migrate: { hook: true } },
  "without-operator": { monitoring: { enabled: false } },
} satisfies Readonly<Record<Component, SomeValues>> & Readonly<Record<string, SomeValues>>;

export function examples(): Readonly<Record<string, SomeValues>> {
  const whole = Object.entries(environments).map(([name, environment]) => [name, valuesOf(environment)]);
  return { ...EXAMPLES, ...Object.fromEntries(whole) };
}

export function chartFiles(): Readonly<Record<string, string>> {
  const templates = Object.entries(manifests(referencesOf(valueCatalogue), place)).map(([name, objects]) => {
    return [`chart/templates/${name}.yaml`, `{{- /* ${MADE} */}}\n${templateOf(objects)}`];
  });
  const written = Object.entries(examples()).map(([name, values]) => [
    `chart/examples/${name}.yaml`,
    `# ${MADE}\n${yamlOf(values)}`,
  ]);
  return {
    "chart/Chart.yaml": chartYaml(),
    "chart/values.yaml": valuesYaml(),
    "chart/values.schema.json": schemaJson(),
    "chart/templates/NOTES.txt": notes(),
    "chart/templates/checks.yaml": checks(),
    ...Object.fromEntries(templates),
    ...Object.fromEntries(written),
  };
}

function chartYaml(): string {
  const { version, description } = manifest;
  // The native sleep before SIGTERM is there, and on, since 1.30; eviction of ill pods and matchLabelKeys before that.
  const chart = { apiVersion: "v2", name: "moa", version, appVersion: version, description, kubeVersion: ">=1.30.0-0" };
  return `# ${MADE}\n${yamlOf(chart)}`;
}

function valuesYaml(): string {
  const document = new Document(defaultValues, { aliasDuplicateObjects: false });
  explain(document.contents as YAMLMap, valueCatalogue);
  document.commentBefore = ` ${MADE}`;
  return document.toString({ lineWidth: 0 });
}

function explain(map: YAMLMap, catalogue: Catalogue): void {
  for (const [name, node] of Object.entries(catalogue)) {
    const pair = map.items.find(({ key }) => String(key) === name);
    if (pair === undefined) continue;
    if (!isLeaf(node)) explain(pair.value as YAMLMap, node);
    else (pair.key as { commentBefore?: string }).commentBefore = ` ${node.doc}`;
  }
}

function schemaJson(): string {
  const about = { $schema: "http://json-schema.org/draft-07/schema#", title: "Values of the chart moa" };
  return `${JSON.stringify({ ...about, ...schemaOf(valueCatalogue), ...lanesByDefault() }, null, 2)}\n`;
}

/** A schema cannot multiply: how many workers may be is said here for the lanes that are there unless told otherwise. */
function lanesByDefault(): object {
  const { shards, lanesPerShard } = settingsSchema;
  const one = (name: string, schema: object) => ({ properties: { [name]: schema } });
  const is = ({ env }: { readonly env: string }) => ({ [env]: { const: defaultValues.settings[env] } });
  const most = { maximum: shards.default * lanesPerShard.default };
  const isOther = { not: one("settings", { properties: { ...is(shards), ...is(lanesPerShard) } }) };
  const isFew = { properties: { workers: one("replicas", most), scaling: one("workers", one("max", most)) } };
  return { anyOf: [isOther, isFew] };
}

/** What a schema cannot say: two values against each other, for any number of lanes. */
function checks(): string {
  const [shards, perShard] = [settingsSchema.shards.env, settingsSchema.lanesPerShard.env];
  const settings = ".Values.settings";
  const check = (value: string) =>
    `{{- if gt (int .Values.${value}) $lanes }}
{{- fail (printf "${value} is %d, but there are %d lanes (${shards} x ${perShard}): more workers would own nothing" (int .Values.${value}) $lanes) }}
{{- end }}
`;
  const order = (what: string) =>
    `{{- if gt (int .Values.scaling.${what}.min) (int .Values.scaling.${what}.max) }}
{{- fail "scaling.${what}: min is above max" }}
{{- end }}
`;
  return `{{- /* ${MADE} */}}
{{- $lanes := mul (int ${settings}.${shards}) (int ${settings}.${perShard}) | int }}
${check("workers.replicas")}${check("scaling.workers.max")}${order("gateway")}${order("workers")}`;
}

function notes(): string {
  return `moa {{ .Chart.AppVersion }} is in namespace {{ .Release.Namespace }}.

Before anything starts there must be a Secret {{ .Values.existingSecret }} with MOA_REDIS_URL, MOA_MYSQL_URL, MOA_HMAC_KEYS
and MOA_OPS_TOKEN. A pod that misses something says so in one line and ends:

  kubectl -n {{ .Release.Namespace }} logs -l app.kubernetes.io/part-of=moa --tail=5

What is wrong, and what to do about it:

  kubectl -n {{ .Release.Namespace }} exec deploy/${names.console} -- node console/cli/main.ts doctor

Phones dial port 1490 of the Service ${names.gateway}:

  kubectl -n {{ .Release.Namespace }} get service ${names.gateway}
`;
}
