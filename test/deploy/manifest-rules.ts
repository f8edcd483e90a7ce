/** What must be true of every deployment, whatever its values: each a function of the objects that says what is wrong. */
import { loadConfig } from "#common/config/load.ts";
import { settingsSchema } from "#common/config/schema.ts";
import { metricCatalogue } from "#common/observe/metric-catalogue.ts";
import { at, idOf, listAt, mapAt, type Thing, type Things } from "./thing.ts";

type Claims = Readonly<Record<string, boolean>>;

const POD = "spec/template/spec";
const CONTAINER = `${POD}/containers/0`;
const LABELS = "spec/template/metadata/labels";

function workloads(things: Things): Things {
  return things.filter(({ kind }) => kind === "Deployment" || kind === "Job");
}

function serving(things: Things): Things {
  return workloads(things).filter(({ metadata: { name } }) => name === "moa-gateway" || name === "moa-workers");
}

function faultsOf(things: Things, claims: (thing: Thing) => Claims): string[] {
  return things.flatMap((thing) =>
    Object.entries(claims(thing)).flatMap(([claim, isSo]) => (isSo ? [] : [`${idOf(thing)}: ${claim}`])),
  );
}

function isSelected(labels: Readonly<Record<string, unknown>>, selector: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(selector).every(([name, value]) => labels[name] === value);
}

/** The paths that ask nothing of Redis or MySQL (common/observe/ops-server.ts). */
export function probesAskAnother(things: Things): string[] {
  const asks = (thing: Thing, probe: string, path: string) => {
    const { httpGet, ...times } = mapAt(thing, `${CONTAINER}/${probe}`);
    const isTimed = Object.keys(times).toSorted().join() === "failureThreshold,periodSeconds,timeoutSeconds";
    return at(httpGet, "path") === path && at(httpGet, "port") === "ops" && isTimed;
  };
  return faultsOf(serving(things), (thing) => ({
    "asks /startupz whether it has started": asks(thing, "startupProbe", "/startupz"),
    "asks /livez whether it lives": asks(thing, "livenessProbe", "/livez"),
    "asks /readyz whether it takes more": asks(thing, "readinessProbe", "/readyz"),
  }));
}

/** Pod Security "restricted", and what goes beyond it. */
export function privileged(things: Things): string[] {
  return faultsOf(workloads(things), (thing) => {
    const [pod, own] = [mapAt(thing, `${POD}/securityContext`), mapAt(thing, `${CONTAINER}/securityContext`)];
    return {
      "runs as somebody that is not root": pod.runAsNonRoot === true && pod.runAsUser === 65_532,
      "default seccomp profile": at(pod, "seccompProfile/type") === "RuntimeDefault",
      "no capability": listAt(own, "capabilities/drop").join() === "ALL" && !at(own, "capabilities/add"),
      "no more privileges": own.allowPrivilegeEscalation === false && !own.privileged,
      "read-only root": own.readOnlyRootFilesystem === true,
      "nothing of the host": !["hostNetwork", "hostPID", "hostIPC"].some((name) => at(thing, `${POD}/${name}`)),
      "volumes of its own": listAt(thing, `${POD}/volumes`).every((one) => at(one, "emptyDir") || at(one, "secret")),
      "no token of the cluster": at(thing, `${POD}/automountServiceAccountToken`) === false,
      "no variables of Services, which are no settings": at(thing, `${POD}/enableServiceLinks`) === false,
      "one container": listAt(thing, `${POD}/containers`).length === 1 && !at(thing, `${POD}/initContainers`),
    };
  });
}

export function resourcesWrong(things: Things): string[] {
  return faultsOf(workloads(things), (thing) => {
    const { requests, limits } = mapAt(thing, `${CONTAINER}/resources`);
    return {
      "memory asked for is the limit": Boolean(at(limits, "memory")) && at(requests, "memory") === at(limits, "memory"),
      "CPU is asked for and has no limit": Boolean(at(requests, "cpu")) && !at(limits, "cpu"),
    };
  });
}

export function disruptive(things: Things): string[] {
  return faultsOf(serving(things), (thing) => {
    const budget = things.find((one) => idOf(one) === `PodDisruptionBudget/${thing.metadata.name}`);
    const spread = listAt(thing, `${POD}/topologySpreadConstraints`).map((one) => at(one, "topologyKey"));
    const { maxSurge, maxUnavailable } = mapAt(thing, "spec/strategy/rollingUpdate");
    return {
      "a budget": at(budget, "spec/maxUnavailable") === 1,
      "nodes are emptied of what is ill": at(budget, "spec/unhealthyPodEvictionPolicy") === "AlwaysAllow",
      "spread over zones": spread.includes("topology.kubernetes.io/zone"),
      "spread over nodes": spread.includes("kubernetes.io/hostname"),
      "the new one first": maxSurge === 1 && maxUnavailable === 0,
    };
  });
}

/** Each pod is denied everything both ways, and has a policy of its own. */
export function unguarded(things: Things): string[] {
  const policies = things.filter(({ kind }) => kind === "NetworkPolicy");
  return faultsOf(workloads(things), (thing) => {
    const fitting = policies.filter((one) =>
      isSelected(mapAt(thing, LABELS), mapAt(one, "spec/podSelector/matchLabels")),
    );
    const isDenial = (one: Thing) => !at(one, "spec/ingress") && !at(one, "spec/egress");
    const ways = fitting.map((one) => listAt(one, "spec/policyTypes").join());
    return {
      "denied what is not allowed": fitting.some(isDenial),
      "a policy of its own": fitting.length === 2,
      "both ways": ways.every((one) => one === "Ingress,Egress"),
    };
  });
}

/** What a pod would get is what it takes: its own judge of settings is asked. */
export function settingsRefused(things: Things): string[] {
  const config = mapAt(
    things.find(({ kind }) => kind === "ConfigMap"),
    "data",
  );
  const secret = { MOA_MYSQL_URL: "mysql://moa:x@mysql/moa", MOA_OPS_TOKEN: "0123456789abcdef", MOA_HMAC_KEYS: "{}" };
  return workloads(things).flatMap((thing) => {
    const given = listAt(thing, `${CONTAINER}/env`).map((one) => {
      const name = String(at(one, "name"));
      return [name, at(one, "value") ?? at(secret, name) ?? "a-pod"];
    });
    const all = { ...(at(thing, `${CONTAINER}/envFrom`) !== undefined && { ...config, ...secret }) };
    try {
      loadConfig({ env: { ...all, ...Object.fromEntries(given) }, argv: [] });
      return [];
    } catch (error) {
      return [`${idOf(thing)}: ${(error as Error).message}`];
    }
  });
}

/** Secrets are named where they are needed and never written. */
export function secretsWritten(things: Things): string[] {
  const sensitive = Object.values(settingsSchema).flatMap((one) => ("sensitive" in one ? [one.env] : []));
  const text = JSON.stringify(things);
  return sensitive
    .filter((name) => new RegExp(`"${name}":"|"name":"${name}","value":`).test(text))
    .map((name) => `${name} is written`);
}

export function portsUnknown(things: Things): string[] {
  return faultsOf(
    things.filter(({ kind }) => kind === "Service"),
    (service) => {
      const behind = workloads(things).filter((one) => isSelected(mapAt(one, LABELS), mapAt(service, "spec/selector")));
      const open = behind.flatMap((one) => listAt(one, `${CONTAINER}/ports`));
      const isOpen = (port: unknown) =>
        open.some((one) => at(one, "name") === at(port, "targetPort") && at(one, "containerPort") === at(port, "port"));
      return { "its ports are open behind it": listAt(service, "spec/ports").every(isOpen) };
    },
  );
}

/** Never no worker, never more than lanes; by metrics that are there, and by nothing of Redis. */
export function scalingWrong(things: Things): string[] {
  const settings = mapAt(
    things.find(({ kind }) => kind === "ConfigMap"),
    "data",
  );
  const lanes = Number(settings.MOA_SHARDS) * Number(settings.MOA_LANES_PER_SHARD);
  const bounds = (thing: Thing, least: unknown, most: unknown): Claims => ({
    "one pod or more": Number(least) >= 1,
    "no more workers than lanes": thing.metadata.name !== "moa-workers" || Number(most) <= lanes,
  });
  const scalers = things.filter(({ kind }) => /^(ScaledObject|HorizontalPodAutoscaler)$/.test(kind));
  const fixed = faultsOf(serving(things), (thing) => {
    const replicas = at(thing, "spec/replicas");
    if (!scalers.some(({ metadata }) => metadata.name === thing.metadata.name))
      return bounds(thing, replicas, replicas);
    return { "no number of pods beside what scales it": replicas === undefined };
  });
  const metrics: readonly string[] = Object.values(metricCatalogue).map(({ name }) => name);
  const moving = faultsOf(scalers, (thing) => {
    const { minReplicaCount, minReplicas, maxReplicaCount, maxReplicas } = mapAt(thing, "spec");
    const text = JSON.stringify(at(thing, "spec"));
    const asked = [...text.matchAll(/\bmoa_\w+/g)].map(([metric]) => metric);
    return {
      ...bounds(thing, minReplicaCount ?? minReplicas, maxReplicaCount ?? maxReplicas),
      "leaves slowly": /"scaleDown":[{]"stabilizationWindowSeconds":[1-9]\d\d/.test(text),
      "asks for metrics that are there": asked.length > 0 && asked.every((metric) => metrics.includes(metric)),
      "asks nothing of Redis": !/redis|consumerGroup|stream/i.test(text),
      "takes silence for a failure": thing.kind !== "ScaledObject" || text.includes('"ignoreNullValues":"false"'),
    };
  });
  return [...fixed, ...moving];
}

/** @param targets of the Dockerfile */
export function imagesUnknown(things: Things, targets: readonly string[]): string[] {
  return faultsOf(workloads(things), (thing) => {
    const image = String(at(thing, `${CONTAINER}/image`));
    const [, target = "", tag = ""] = /[/]moa-([a-z]+):(.*)$/.exec(image) ?? [];
    return {
      "its image is a target of the Dockerfile": targets.includes(target),
      "its image has a version": /^\d+[.]\d+[.]\d+/.test(tag),
    };
  });
}
