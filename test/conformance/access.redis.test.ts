/** The ways in: TLS with an authority of one's own, users and passwords, on each kind of Redis. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Backends } from "#common/backends/backends.ts";
import { placeOf, type RedisPlace } from "#common/backends/redis/place.ts";
import { loadConfig } from "#common/config/load.ts";
import { freePort } from "#scripts/stack/free-port.ts";
import { ask, WAITING_FOR_REPLICAS } from "#scripts/stack/redis-sentinel.ts";
import { selfSigned } from "#test/fixtures/certificate.ts";
import { startRedis } from "#test/fixtures/redis.ts";
import { startCluster, startSentinels } from "#test/fixtures/redis-kinds.ts";
import { freshKeys, redisPods } from "./on-every-backend.ts";

let dir: string;
let pods: Backends[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "moa-access-"));
  pods = [];
});

afterEach(async () => {
  await Promise.all(pods.map((pod) => pod.close()));
  await rm(dir, { recursive: true });
});

/** Starts a pod there and uses each of its connections once. */
async function works(place: RedisPlace): Promise<void> {
  const pod = redisPods(place, freshKeys())();
  pods.push(pod);
  await pod.start();
  await pod.appender.append({ lane: 0, by: "g.1", number: 1, events: ["x"] });
  expect(await pod.lanes.read(new Map([[0, "0-0"]]), 100)).toHaveLength(1);
  await pod.channel.subscribe("bot", { onPiece: () => {}, onTold: () => {}, onRenewed: () => {} });
}

function placeBy(env: Readonly<Record<string, string>>): RedisPlace {
  return placeOf(loadConfig({ env, argv: [] }));
}

test("a single Redis is reached over TLS with its own authority, as a user", async () => {
  const { cert, key } = selfSigned("localhost");
  const files = { cert: join(dir, "cert.pem"), key: join(dir, "key.pem") };
  await Promise.all([writeFile(files.cert, cert), writeFile(files.key, key)]);
  const tlsPort = await freePort();
  const tls = ["--tls-port", `${tlsPort}`, "--tls-cert-file", files.cert, "--tls-key-file", files.key];
  const server = await startRedis([...tls, "--tls-ca-cert-file", files.cert, "--tls-auth-clients", "no"]);
  try {
    const admin = new Redis(server.url);
    await admin.call("acl", "setuser", "moa", "on", ">a pass:word", "~*", "&*", "+@all");
    await admin.call("acl", "setuser", "default", "off");
    admin.disconnect();
    const url = `rediss://moa:a%20pass%3Aword@localhost:${tlsPort}/0`;
    await works(placeBy({ MOA_REDIS_URL: url, MOA_REDIS_CA_FILE: files.cert }));
    await expect(works(placeBy({ MOA_REDIS_URL: url }))).rejects.toMatchObject({ code: "redis_unavailable" });
    const nobody = url.replace("moa:", "nobody:");
    const refused = works(placeBy({ MOA_REDIS_URL: nobody, MOA_REDIS_CA_FILE: files.cert }));
    await expect(refused).rejects.toMatchObject({ code: "redis_unavailable" });
  } finally {
    await server.stop();
  }
});

test("a file of authorities that cannot be read is a fault of the settings", () => {
  const env = { MOA_REDIS_URL: "rediss://a", MOA_REDIS_CA_FILE: join(dir, "none.pem") };
  expect(() => placeBy(env)).toThrow(/config_invalid: MOA_REDIS_CA_FILE/);
});

test("a Cluster, a master behind Sentinels and Sentinels are reached with user and password", async () => {
  const [cluster, sentinels] = await Promise.all([
    startCluster(WAITING_FOR_REPLICAS),
    startSentinels(WAITING_FOR_REPLICAS),
  ]);
  try {
    const nodes = [...cluster.servers.nodes, ...sentinels.servers.nodes];
    const user = ["acl", "setuser", "moa", "on", ">hunter2", "~*", "&*", "+@all"] as const;
    await Promise.all(nodes.map(({ port }) => ask(port, user)));
    const access = { MOA_REDIS_USER: "moa", MOA_REDIS_PASSWORD: "hunter2" };
    await works(placeBy({ ...access, MOA_REDIS_CLUSTER: `${cluster.servers.addresses[0]}` }));
    const MOA_REDIS_SENTINELS = sentinels.servers.addresses.join(",");
    await works(placeBy({ ...access, MOA_REDIS_SENTINELS }));
    const wrong = { ...access, MOA_REDIS_PASSWORD: "wrong" };
    await expect(works(placeBy({ ...wrong, MOA_REDIS_SENTINELS }))).rejects.toMatchObject({
      code: "redis_unavailable",
    });

    const closed = ["acl", "setuser", "default", "resetpass", ">secret"] as const;
    await Promise.all(sentinels.servers.sentinels.map(({ port }) => ask(port, closed)));
    await works(placeBy({ ...access, MOA_REDIS_SENTINELS, MOA_REDIS_SENTINEL_PASSWORD: "secret" }));
    await expect(works(placeBy({ ...access, MOA_REDIS_SENTINELS }))).rejects.toMatchObject({
      code: "redis_unavailable",
    });
  } finally {
    await Promise.all([cluster.stop(), sentinels.stop()]);
  }
});
