/** The gateways: a Deployment, since who a pod is lies in Redis; the Service that phones dial; a budget for disruptions. */
import type { IDeployment } from "kubernetes-models/apps/v1/Deployment";
import type { IPodDisruptionBudget } from "kubernetes-models/policy/v1/PodDisruptionBudget";
import type { IService } from "kubernetes-models/v1/Service";
import { graceSeconds, PRE_STOP_SECONDS } from "./grace.ts";
import { labelsOf, names, PART_OF, ports, selectorOf } from "./names.ts";
import {
  containerOf,
  environmentOf,
  hasTls,
  OPS_PORT,
  probesOf,
  spreadOf,
  templateOf,
  withConfigChecksum,
} from "./pod.ts";
import { fieldsWhen, is, present, when } from "./reference.ts";
import type { Place, Values } from "./values.ts";

const name = names.gateway;
/** It needs Redis and MySQL to start, and ends with a word when they are not there. */
const START_SECONDS_MAX = 60;

export function gatewayObjects(
  values: Values,
  place: Place,
): readonly [IDeployment, IService, IService, IPodDisruptionBudget] {
  return [deployment(values, place), phonesService(values), podsService(), disruptionBudget(name)];
}

function deployment(values: Values, place: Place): IDeployment {
  const { gateway, scaling } = values;
  const template = templateOf(name, values, {
    terminationGracePeriodSeconds: graceSeconds.gateway,
    ...spreadOf(name),
    containers: [
      {
        ...containerOf(values, { name, ...gateway }),
        ...environmentOf(values),
        ports: present(
          { name: "bridge", containerPort: ports.bridge },
          when(hasTls(values), { name: "bridge-tls", containerPort: ports.tls }),
          OPS_PORT,
        ),
        ...probesOf(START_SECONDS_MAX),
        lifecycle: { preStop: { sleep: { seconds: PRE_STOP_SECONDS } } },
      },
    ],
  });
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, labels: labelsOf(name) },
    spec: {
      ...fieldsWhen(is(scaling.by, "none"), { replicas: gateway.replicas }),
      selector: { matchLabels: selectorOf(name) },
      // One at a time, and the next when this one has kept its phones for a while.
      minReadySeconds: 30,
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template: withConfigChecksum(template, place),
    },
  };
}

function phonesService(values: Values): IService {
  const { service } = values.gateway;
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, labels: labelsOf(name), annotations: service.annotations },
    spec: {
      type: service.type,
      ...fieldsWhen(is(service.type, "LoadBalancer"), { externalTrafficPolicy: service.externalTrafficPolicy }),
      selector: selectorOf(name),
      ports: present(
        { name: "bridge", port: ports.bridge, targetPort: "bridge" },
        when(hasTls(values), { name: "bridge-tls", port: ports.tls, targetPort: "bridge-tls" }),
      ),
    },
  };
}

function podsService(): IService {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: names.pods, labels: labelsOf(names.pods) },
    spec: {
      clusterIP: "None",
      publishNotReadyAddresses: true,
      selector: PART_OF,
      ports: [{ name: "ops", port: ports.ops, targetPort: "ops" }],
    },
  };
}

/** A node may be emptied also when a pod on it is ill: it would otherwise wait for ever. */
export function disruptionBudget(of: "moa-gateway" | "moa-workers"): IPodDisruptionBudget {
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { name: of, labels: labelsOf(of) },
    spec: {
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: "AlwaysAllow",
      selector: { matchLabels: selectorOf(of) },
    },
  };
}
