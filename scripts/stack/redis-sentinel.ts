/**
 * A master with two replicas and three Sentinels that replace it, all private and on free ports. Their files are written
 * as they would be after everybody had found everybody: that takes Sentinels seconds.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { Child } from "./child.ts";
import { freePort } from "./free-port.ts";
import { programOf } from "./program.ts";
import { redisServer, untilPong } from "./redis.ts";

const MASTER = "mymaster";
const REPLICAS = 2;
const SENTINELS = 3;
const READY_MS_MAX = 15_000;

export interface RedisNode {
  readonly address: string;
  readonly port: number;
  readonly child: Child;
}

export interface SentinelSetup {
  readonly dir: string;
  /** How long a master may say nothing, ms. */
  readonly downAfterMs?: number;
  /** More of redis-server's own. */
  readonly settings?: readonly string[];
}

/** What moa demands in production: a master that no replica hears takes no writes. */
export const WAITING_FOR_REPLICAS = ["--min-replicas-to-write", "1", "--min-replicas-max-lag", "2"] as const;

export class RedisWithSentinels {
  readonly nodes: readonly RedisNode[];
  readonly sentinels: readonly RedisNode[];
  readonly master = MASTER;

  private constructor(nodes: readonly RedisNode[], sentinels: readonly RedisNode[]) {
    this.nodes = nodes;
    this.sentinels = sentinels;
  }

  /** Makes the directories; starts nothing. */
  static async prepare(setup: SentinelSetup): Promise<RedisWithSentinels> {
    const ports = await Promise.all(Array.from({ length: 1 + REPLICAS }, () => freePort()));
    const sentinelPorts = await Promise.all(Array.from({ length: SENTINELS }, () => freePort()));
    const nodes = ports.map((port, i) => nodeOf(setup, port, i === 0 ? undefined : ports[0]));
    const ids = sentinelPorts.map((port) => ({ port, id: randomBytes(20).toString("hex") }));
    return new RedisWithSentinels(
      nodes,
      ids.map((one) => sentinelOf(setup, one, { ports, ids })),
    );
  }

  get addresses(): readonly string[] {
    return this.sentinels.map(({ address }) => address);
  }

  /** Resolves when every replica hears the master and the Sentinels agree on it. */
  async start(): Promise<void> {
    await Promise.all([...this.nodes, ...this.sentinels].map(({ child }) => child.start()));
    await this.untilWhole();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.sentinels, ...this.nodes].map(({ child }) => child.kill()));
  }

  /** Whom the Sentinels call the master. */
  async current(): Promise<RedisNode> {
    const sentinel = this.sentinels.find(({ child }) => child.pid !== undefined) as RedisNode;
    const [, port] = (await ask(sentinel.port, ["sentinel", "get-master-addr-by-name", MASTER])) as string[];
    return this.nodes.find((node) => node.port === Number(port)) as RedisNode;
  }

  /** As an operator would move it. */
  async failover(): Promise<void> {
    const former = await this.current();
    await ask((this.sentinels[0] as RedisNode).port, ["sentinel", "failover", MASTER]);
    await until(async () => (await this.current()) !== former);
  }

  async untilWhole(): Promise<void> {
    await until(async () => {
      const info = String(await ask((await this.current()).port, ["info", "replication"]));
      return info.includes("role:master") && (info.match(/state=online/g)?.length ?? 0) === REPLICAS;
    });
  }
}

function nodeOf({ dir, settings = [] }: SentinelSetup, port: number, masterPort: number | undefined): RedisNode {
  const place = join(dir, `redis-${port}`);
  const file = join(place, "redis.conf");
  mkdirSync(place, { recursive: true, mode: 0o700 });
  writeFileSync(file, masterPort === undefined ? "" : `replicaof 127.0.0.1 ${masterPort}\n`);
  const all = ["--repl-diskless-sync-delay", "0", ...settings];
  const child = redisServer({
    name: `redis-${port}`,
    dir: place,
    port,
    logFile: join(place, "log"),
    file,
    settings: all,
  });
  return { address: `127.0.0.1:${port}`, port, child };
}

interface SentinelId {
  readonly port: number;
  readonly id: string;
}

function sentinelOf(
  { dir, downAfterMs = 1_000 }: SentinelSetup,
  { port, id }: SentinelId,
  { ports, ids }: { ports: readonly number[]; ids: readonly SentinelId[] },
): RedisNode {
  const [masterPort, ...replicas] = ports;
  const others = ids.filter((other) => other.port !== port);
  const place = join(dir, `sentinel-${port}`);
  const file = join(place, "sentinel.conf");
  mkdirSync(place, { recursive: true, mode: 0o700 });
  const lines = [
    `port ${port}`,
    "bind 127.0.0.1",
    `dir ${place}`,
    `sentinel myid ${id}`,
    `sentinel monitor ${MASTER} 127.0.0.1 ${masterPort} 2`,
    `sentinel down-after-milliseconds ${MASTER} ${downAfterMs}`,
    `sentinel failover-timeout ${MASTER} 5000`,
    ...replicas.map((replica) => `sentinel known-replica ${MASTER} 127.0.0.1 ${replica}`),
    ...others.map((other) => `sentinel known-sentinel ${MASTER} 127.0.0.1 ${other.port} ${other.id}`),
  ];
  writeFileSync(file, `${lines.join("\n")}\n`);
  const child = new Child({
    name: `sentinel-${port}`,
    command: programOf("redis-server", "valkey-server"),
    args: [file, "--sentinel"],
    env: () => process.env,
    logFile: join(place, "log"),
    ready: (_, signal) => untilPong(port, signal),
    readyMsMax: READY_MS_MAX,
    stopMsMax: 5_000,
  });
  return { address: `127.0.0.1:${port}`, port, child };
}

/** One command to one server, on a connection of its own. */
export async function ask(
  port: number,
  [command, ...args]: readonly [string, ...(string | number)[]],
): Promise<unknown> {
  const redis = new Redis({ port, host: "127.0.0.1", retryStrategy: null, commandTimeout: 2_000, lazyConnect: true });
  redis.on("error", () => {});
  try {
    await redis.connect();
    return await redis.call(command, ...args);
  } finally {
    redis.disconnect();
  }
}

/** Looks again until it is so; a server that does not answer is not so yet. */
export async function until(isSo: () => Promise<boolean>): Promise<void> {
  const untilMs = performance.now() + READY_MS_MAX;
  while (!(await isSo().catch(() => false))) {
    if (performance.now() > untilMs) throw new Error(`not so within ${READY_MS_MAX} ms: ${isSo}`);
    await sleep(20);
  }
}
