/** The rules hold for every example and environment, and each rule is seen to fire. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { limits } from "#common/contract/limits.ts";
import { STOP_MS_MAX } from "#common/kernel/lifecycle.ts";
import { examples } from "#deploy/k8s/chart.ts";
import { objectsOf } from "#deploy/k8s/kustomize.ts";
import { defaultValues, merged, type SomeValues } from "#deploy/k8s/values.ts";
import { stagesOf } from "./dockerfile.ts";
import {
  disruptive,
  imagesUnknown,
  portsUnknown,
  privileged,
  probesAskAnother,
  resourcesWrong,
  scalingWrong,
  secretsWritten,
  settingsRefused,
  unguarded,
} from "./manifest-rules.ts";
import { at, idOf, planted, type Things } from "./thing.ts";

const dockerfile = readFileSync(join(import.meta.dirname, "../../deploy/Dockerfile"), "utf8");
const targets = stagesOf(dockerfile).map(({ name }) => name);

function thingsOf(values: SomeValues): Things {
  return [...objectsOf(merged(defaultValues, values)).values()] as Things;
}

/** Of which object, where, what; and what must be said of it. Undefined takes away. */
type Planted = readonly [id: string, path: string, value: unknown, says: string];

interface Rule {
  readonly claim: string;
  readonly faults: (things: Things) => string[];
  readonly broken: readonly Planted[];
}

const POD = "spec/template/spec";
const FIRST = `${POD}/containers/0`;
const GATEWAY = "Deployment/moa-gateway";
const WORKERS = "Deployment/moa-workers";
const MIGRATE = "Job/moa-migrate-0-1-0";
const CONFIG = "ConfigMap/moa-config";
const SCALED = "ScaledObject/moa-workers";

/** What breaks them is planted into a deployment that KEDA scales. */
const RULES: readonly Rule[] = [
  {
    claim: "probes ask for nothing that asks Redis or MySQL",
    faults: probesAskAnother,
    broken: [
      [GATEWAY, `${FIRST}/livenessProbe`, undefined, "asks /livez"],
      [GATEWAY, `${FIRST}/startupProbe`, undefined, "asks /startupz"],
      [WORKERS, `${FIRST}/readinessProbe/exec`, { command: ["redis-cli"] }, "asks /readyz"],
      [GATEWAY, `${FIRST}/livenessProbe/httpGet/path`, "/readyz", "asks /livez"],
    ],
  },
  {
    claim: "pods are what Pod Security calls restricted, and read-only",
    faults: privileged,
    broken: [
      [GATEWAY, `${FIRST}/securityContext/readOnlyRootFilesystem`, undefined, "read-only root"],
      [GATEWAY, `${FIRST}/securityContext/capabilities/drop`, [], "no capability"],
      [MIGRATE, `${POD}/securityContext/seccompProfile`, undefined, "default seccomp profile"],
      ["Deployment/moa-console", `${POD}/volumes/0`, { name: "tmp", hostPath: { path: "/" } }, "volumes of its own"],
      [WORKERS, `${POD}/enableServiceLinks`, undefined, "no variables of Services"],
    ],
  },
  {
    claim: "memory is asked for in full, and CPU has no limit",
    faults: resourcesWrong,
    broken: [
      [GATEWAY, `${FIRST}/resources/limits/cpu`, "1", "has no limit"],
      [WORKERS, `${FIRST}/resources/requests/memory`, "1Mi", "memory asked for"],
    ],
  },
  {
    claim: "pods are spread, budgeted and replaced one by one",
    faults: disruptive,
    broken: [
      ["PodDisruptionBudget/moa-workers", "kind", "Gone", `${WORKERS}: a budget`],
      [GATEWAY, `${POD}/topologySpreadConstraints/1`, {}, "spread over nodes"],
      [GATEWAY, "spec/strategy/rollingUpdate/maxUnavailable", 1, "the new one first"],
    ],
  },
  {
    claim: "every pod is denied what no policy of its own allows",
    faults: unguarded,
    broken: [
      ["NetworkPolicy/moa-default-deny", "kind", "Gone", `${GATEWAY}: denied what is not allowed`],
      ["NetworkPolicy/moa-migrate", "kind", "Gone", `${MIGRATE}: a policy of its own`],
      ["NetworkPolicy/moa-workers", "spec/policyTypes", ["Ingress"], `${WORKERS}: both ways`],
    ],
  },
  {
    claim: "pods take the settings that they are given",
    faults: settingsRefused,
    broken: [
      [CONFIG, "data/MOA_SHARD", "4", "no such setting; did you mean MOA_SHARDS"],
      [CONFIG, "data/MOA_APPROVAL", "auto", "lets everybody in"],
      [CONFIG, "data/MOA_REDIS_MASTER", "other", "says nothing without MOA_REDIS_SENTINELS"],
    ],
  },
  {
    claim: "no secret is written",
    faults: secretsWritten,
    broken: [[CONFIG, "data/MOA_MYSQL_URL", "mysql://x", "MOA_MYSQL_URL is written"]],
  },
  {
    claim: "Services lead to ports that are open",
    faults: portsUnknown,
    broken: [[GATEWAY, `${FIRST}/ports/0/name`, "phones", "Service/moa-gateway: its ports are open"]],
  },
  {
    claim: "there is a worker always, and never one without a lane",
    faults: scalingWrong,
    broken: [
      [SCALED, "spec/minReplicaCount", 0, "one pod or more"],
      [SCALED, "spec/maxReplicaCount", 17, "no more workers than lanes"],
      [CONFIG, "data/MOA_LANES_PER_SHARD", "7", "no more workers than lanes"],
      [SCALED, "spec/triggers/0/metadata/ignoreNullValues", "true", "takes silence for a failure"],
      [SCALED, "spec/triggers/0/metadata/consumerGroup", "moa", "asks nothing of Redis"],
      [SCALED, "spec/triggers/0/metadata/query", "sum(moa_sockets)", "metrics that are there"],
      [SCALED, "spec/advanced", undefined, "leaves slowly"],
      [GATEWAY, "spec/replicas", 2, "beside what scales it"],
      ["ScaledObject/moa-workers", "kind", "Gone", `${WORKERS}: one pod or more`],
    ],
  },
  {
    claim: "images are targets of the Dockerfile, of a version that stays",
    faults: (things) => imagesUnknown(things, targets),
    broken: [
      [WORKERS, `${FIRST}/image`, "moa.invalid/moa-worker:0.1.0", "its image is a target"],
      [WORKERS, `${FIRST}/image`, "moa.invalid/moa-workers:latest", "its image has a version"],
    ],
  },
];

describe.each(RULES)("$claim", ({ faults, broken }) => {
  test.each(Object.entries({ "the default values": {}, ...examples() }))("%s", (_, values) => {
    expect(faults(thingsOf(values))).toEqual([]);
  });

  test.each(broken)("else it is reported: %s, %s: %s", (...[id, path, value, says]) => {
    const things = thingsOf({ scaling: { by: "keda" } });
    expect(faults(planted(things, id, [path, value])).join("\n")).toContain(says);
  });
});

describe("the grace period", () => {
  const of = (id: string, path: string) =>
    Number(
      at(
        thingsOf({}).find((thing) => idOf(thing) === id),
        `${POD}/${path}`,
      ),
    );

  test("of a gateway is its pause, its drain, and every other part at its deadline", () => {
    const pauseMs = of(GATEWAY, "containers/0/lifecycle/preStop/sleep/seconds") * 1_000;
    expect(of(GATEWAY, "terminationGracePeriodSeconds") * 1_000).toBe(pauseMs + limits.drainMsMax + 15 * STOP_MS_MAX);
  });

  test("of a worker is its lanes' drain, its row writer's, and every other part at its deadline", () => {
    expect(of(WORKERS, "terminationGracePeriodSeconds") * 1_000).toBe(2 * limits.drainMsMax + 15 * STOP_MS_MAX);
  });
});
