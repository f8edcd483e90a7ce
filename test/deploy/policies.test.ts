/**
 * Who may talk to whom, as a table, judged from the NetworkPolicies alone: a pure function over the manifests, as a
 * cluster's network would decide. A word of the table that differs names the two and the port.
 */
import { describe, expect, test } from "vitest";
import { examples } from "#deploy/k8s/chart.ts";
import { objectsOf } from "#deploy/k8s/kustomize.ts";
import { defaultValues, merged, type SomeValues } from "#deploy/k8s/values.ts";
import { at, listAt, mapAt, planted, type Thing, type Things } from "./thing.ts";

/** A pod, by its labels and its namespace; or an address outside. */
interface Party {
  readonly labels: Readonly<Record<string, string>>;
  readonly namespace: string;
  readonly address?: string;
}

const NS = "kubernetes.io/metadata.name";
const ours = (name: string): Party => ({
  labels: { "app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "moa" },
  namespace: "moa",
});
const pod = (namespace: string): Party => ({ labels: {}, namespace });
const outside = (address: string): Party => ({ labels: {}, namespace: "", address });

const PARTIES = {
  gateway: ours("moa-gateway"),
  workers: ours("moa-workers"),
  migrate: ours("moa-migrate"),
  console: ours("moa-console"),
  newcomer: ours("moa-of-tomorrow"),
  stranger: pod("elsewhere"),
  neighbour: { labels: { app: "other" }, namespace: "moa" },
  monitoring: pod("monitoring"),
  dns: pod("kube-system"),
  redis: { ...pod("redis"), address: "172.16.3.9" },
  mysql: { ...pod("mysql"), address: "172.16.3.10" },
  phone: outside("203.0.113.7"),
  "phone of the network": outside("10.9.0.7"),
  internet: outside("198.51.100.1"),
};
type Name = keyof typeof PARTIES;
const OURS: readonly Name[] = ["gateway", "workers", "migrate", "console", "newcomer"];

type Way = readonly [type: string, rules: string, peers: "from" | "to"];
const OUT: Way = ["Egress", "spec/egress", "to"];
const IN: Way = ["Ingress", "spec/ingress", "from"];

function mayTalk(things: Things, [from, to]: readonly [Party, Party], port: number): boolean {
  const policies = things.filter(({ kind }) => kind === "NetworkPolicy");
  const passes = (who: Party, other: Party, [type, rules, peers]: Way) => {
    const about = policies.filter(
      (one) => isOurs(who) && selects(one, who) && listAt(one, "spec/policyTypes").includes(type),
    );
    if (about.length === 0) return true;
    return about.flatMap((one) => listAt(one, rules)).some((rule) => fits(rule, peers, { other, port }));
  };
  return passes(from, to, OUT) && passes(to, from, IN);
}

function isOurs({ namespace }: Party): boolean {
  return namespace === "moa";
}

function selects(policy: Thing, { labels }: Party): boolean {
  return isSubset(mapAt(policy, "spec/podSelector/matchLabels"), labels);
}

function fits(rule: unknown, peers: "from" | "to", { other, port }: { other: Party; port: number }): boolean {
  const isPort = listAt(rule, "ports").some((one) => at(one, "port") === port);
  const all = listAt(rule, peers);
  // A rule without peers allows everybody: an empty list is no small mistake.
  return isPort && (all.length === 0 || all.some((peer) => isPeer(peer, other)));
}

function isPeer(peer: unknown, { labels, namespace, address }: Party): boolean {
  const cidr = at(peer, "ipBlock/cidr");
  if (typeof cidr === "string") return address !== undefined && isWithin(address, cidr);
  if (namespace === "") return false;
  const wanted = at(peer, "namespaceSelector");
  const isThere =
    wanted === undefined ? namespace === "moa" : isSubset(mapAt(wanted, "matchLabels"), { [NS]: namespace });
  return isThere && isSubset(mapAt(peer, "podSelector/matchLabels"), labels);
}

function isSubset(wanted: Readonly<Record<string, unknown>>, labels: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([name, value]) => labels[name] === value);
}

function isWithin(address: string, cidr: string): boolean {
  if (cidr.includes(":")) return false;
  const [network = "", bits = "0"] = cidr.split("/");
  const number = (text: string) => text.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const size = 2 ** (32 - Number(bits));
  return Math.floor(number(address) / size) === Math.floor(number(network) / size);
}

function allowed(things: Things): readonly string[] {
  const names = Object.keys(PARTIES) as Name[];
  const PORTS = {
    bridge: 1490,
    tls: 1493,
    ops: 9464,
    redis: 6379,
    sentinel: 26379,
    mysql: 3306,
    dns: 53,
    traces: 4318,
    https: 443,
  };
  const pairs = names.flatMap((from) => names.filter((to) => to !== from).map((to) => [from, to] as const));
  return pairs
    .filter(([from, to]) => [from, to].some((name) => OURS.includes(name)))
    .flatMap(([from, to]) => {
      const ports = Object.values(PORTS).filter((port) => mayTalk(things, [PARTIES[from], PARTIES[to]], port));
      return ports.length === 0 ? [] : [`${from} -> ${to}: ${ports.join(" ")}`];
    });
}

function thingsOf(values: SomeValues): Things {
  return [...objectsOf(merged(defaultValues, values)).values()] as Things;
}

/** What pods of moa may do among themselves and with what serves them, in every deployment. */
const ALWAYS = [
  "gateway -> monitoring: 4318",
  "gateway -> dns: 53",
  "workers -> monitoring: 4318",
  "workers -> dns: 53",
  "migrate -> dns: 53",
  "console -> gateway: 9464",
  "console -> workers: 9464",
  "console -> dns: 53",
  "monitoring -> gateway: 9464",
  "monitoring -> workers: 9464",
];

describe("who may talk to whom", () => {
  const expectAllowed = (values: SomeValues, more: readonly string[]) => {
    expect(allowed(thingsOf(values)).toSorted()).toEqual([...ALWAYS, ...more].toSorted());
  };

  test("by default: phones from anywhere, stores in private networks, and nothing else", () => {
    expectAllowed({}, [
      ...["redis", "mysql", "phone of the network"].flatMap((one) => [
        `gateway -> ${one}: 6379 3306`,
        `workers -> ${one}: 6379 3306`,
        `migrate -> ${one}: 3306`,
      ]),
      ...["redis", "mysql", "phone", "phone of the network", "internet"].map((one) => `${one} -> gateway: 1490`),
    ]);
  });

  test("strictly: phones of their network, and each store by its namespace", () => {
    expectAllowed(examples()["networkpolicy-strict"] ?? {}, [
      "gateway -> redis: 6379",
      "gateway -> mysql: 3306",
      "workers -> redis: 6379",
      "workers -> mysql: 3306",
      "migrate -> mysql: 3306",
      "phone of the network -> gateway: 1490",
    ]);
  });

  test("with a certificate, phones by TLS as well", () => {
    const phones = allowed(thingsOf(examples().tls ?? {})).filter((line) => line.includes("> gateway: 149"));
    const from = ["redis", "mysql", "phone", "phone of the network", "internet"];
    expect(phones.toSorted()).toEqual(from.map((one) => `${one} -> gateway: 1490 1493`).toSorted());
  });

  test("in production, Sentinels as well", () => {
    expectAllowed(examples().prod ?? {}, [
      "gateway -> redis: 6379 26379",
      "gateway -> mysql: 3306",
      "workers -> redis: 6379 26379",
      "workers -> mysql: 3306",
      "migrate -> mysql: 3306",
      "phone of the network -> gateway: 1490",
    ]);
  });

  test("a policy that is gone, or says too much, is seen in the table", () => {
    const before = allowed(thingsOf({}));
    const withOther = (...[id, path, value]: [string, string, unknown]) => {
      const after = allowed(planted(thingsOf({}), id, [path, value]));
      return {
        more: after.filter((line) => !before.includes(line)),
        fewer: before.filter((line) => !after.includes(line)),
      };
    };
    const open = withOther("NetworkPolicy/moa-gateway", "spec/ingress/1/from", []);
    expect(open.more).toContain("internet -> gateway: 1490 9464");
    expect(withOther("NetworkPolicy/moa-workers", "kind", "Gone").fewer).toContain("workers -> dns: 53");
    const undenied = withOther("NetworkPolicy/moa-default-deny", "kind", "Gone");
    expect(undenied.more).toContain("newcomer -> internet: 1490 1493 9464 6379 26379 3306 53 4318 443");
  });
});
