/**
 * Who may talk to whom. Everything of moa is refused in both directions first, then allowed one by one:
 *
 *   phones ──bridge──> gateway ──┐
 *   monitoring ──ops──> all      ├──> Redis, MySQL, traces ──> monitoring, DNS
 *   console ──ops──> all         │
 *                     workers ───┘        migrate ──> MySQL, DNS
 */
import type { INetworkPolicy } from "kubernetes-models/networking.k8s.io/v1/NetworkPolicy";
import type { INetworkPolicyEgressRule } from "kubernetes-models/networking.k8s.io/v1/NetworkPolicyEgressRule";
import type { INetworkPolicyIngressRule } from "kubernetes-models/networking.k8s.io/v1/NetworkPolicyIngressRule";
import type { INetworkPolicyPeer } from "kubernetes-models/networking.k8s.io/v1/NetworkPolicyPeer";
import { labelsOf, names, PART_OF, ports, selectorOf, type Workload } from "./names.ts";
import { hasTls } from "./pod.ts";
import { present, when } from "./reference.ts";
import type { Values } from "./values.ts";

/** OTLP over HTTP, as everywhere. */
const TRACES_PORT = 4_318;

interface Rules {
  readonly ingress?: INetworkPolicyIngressRule[];
  readonly egress: INetworkPolicyEgressRule[];
}

export function policyObjects(values: Values): readonly INetworkPolicy[] {
  const { network } = values;
  const monitoring = namespace(network.monitoring);
  const console: INetworkPolicyPeer = { podSelector: { matchLabels: selectorOf(names.console) } };
  const dns: INetworkPolicyEgressRule = {
    to: [namespace("kube-system")],
    ports: [tcp(53), { port: 53, protocol: "UDP" }],
  };
  const redis = { to: network.redis, ports: network.redisPorts };
  const mysql = { to: network.mysql, ports: network.mysqlPorts };
  const traces = { to: [monitoring], ports: [tcp(TRACES_PORT)] };
  const asked = { from: [monitoring, console], ports: [tcp(ports.ops)] };
  const phones = { from: network.phones, ports: present(tcp(ports.bridge), when(hasTls(values), tcp(ports.tls))) };
  const pods: INetworkPolicyPeer = { podSelector: { matchLabels: PART_OF } };
  return [
    denial(),
    policy(names.gateway, { ingress: [phones, asked], egress: [dns, redis, mysql, traces] }),
    policy(names.workers, { ingress: [asked], egress: [dns, redis, mysql, traces] }),
    policy(names.migrate, { egress: [dns, mysql] }),
    policy(names.console, { egress: [dns, { to: [pods], ports: [tcp(ports.ops)] }] }),
  ];
}

function denial(): INetworkPolicy {
  const name = "moa-default-deny";
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name, labels: labelsOf(name) },
    spec: { podSelector: { matchLabels: PART_OF }, policyTypes: ["Ingress", "Egress"] },
  };
}

function policy(name: Workload, rules: Rules): INetworkPolicy {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name, labels: labelsOf(name) },
    spec: { podSelector: { matchLabels: selectorOf(name) }, policyTypes: ["Ingress", "Egress"], ...rules },
  };
}

function namespace(name: string): INetworkPolicyPeer {
  return { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": name } } };
}

function tcp(port: number): { port: number; protocol: "TCP" } {
  return { port, protocol: "TCP" };
}
