/** What every variant of one run lies on: a private Redis, a private MariaDB, a fresh database for each round. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { createConnection, type RowDataPacket } from "mysql2/promise";
import { Child } from "#scripts/stack/child.ts";
import { freePort } from "#scripts/stack/free-port.ts";
import { mariadbServer } from "#scripts/stack/mariadb.ts";
import { nodeFlagsOf } from "#scripts/stack/node-flags.ts";
import { redisServer, redisUrlOf } from "#scripts/stack/redis.ts";
import { cpuTicks } from "./figures.ts";

const SUBSCRIBE_MS_MAX = 15_000;
const US_PER_TICK = 10_000;

/** A process whose CPU is counted. */
export interface Account {
  readonly pid: number | undefined;
}

/** A process under test that said it is ready, and where it listens. */
export interface Pod {
  readonly child: Child;
  readonly port: number;
  /** Sends it a message and gives its answer. */
  ask<T>(message: string): Promise<T>;
}

export interface PodSpec {
  readonly name: string;
  /** Of the working tree that its files are in. */
  readonly root: string;
  /** Of node: flags, then the file. */
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export class Bed {
  readonly redis: Child;
  readonly redisUrl: string;
  readonly mariadb: Child;
  readonly #dir: string;
  readonly #mysqlUrl: string;
  #began: Child[] = [];
  readonly #failure = Promise.withResolvers<never>();

  private constructor(parts: { dir: string; redis: Child; redisUrl: string; mariadb: Child; mysqlUrl: string }) {
    this.#failure.promise.catch(() => {});
    this.#dir = parts.dir;
    this.redis = parts.redis;
    this.redisUrl = parts.redisUrl;
    this.mariadb = parts.mariadb;
    this.#mysqlUrl = parts.mysqlUrl;
  }

  static async make(): Promise<Bed> {
    const dir = await mkdtemp(join(tmpdir(), "moa-bench-"));
    const port = await freePort();
    const redis = redisServer({ dir: join(dir, "redis"), port, logFile: join(dir, "redis.txt") });
    const place = { dir: join(dir, "mariadb"), port: await freePort(), logFile: join(dir, "mariadb.txt") };
    const { server: mariadb, url: mysqlUrl } = await mariadbServer(place);
    const bed = new Bed({ dir, redis, redisUrl: redisUrlOf(port), mariadb, mysqlUrl });
    try {
      for (const server of [redis, mariadb]) await bed.#start(server);
      // Rewritten between rounds instead, where it costs nobody.
      await bed.#onRedis((client) => client.config("SET", "auto-aof-rewrite-percentage", "0"));
    } catch (error) {
      await bed.close();
      throw error;
    }
    return bed;
  }

  /** Ends `within`, and with it the run. */
  fail(error: Error): void {
    this.#failure.reject(error);
  }

  /** Settles as `work` does, or rejects when a process of the bed dies. */
  within<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#failure.promise]);
  }

  /** Waits for that many subscribed channels: a handshake may be answered before its bot's is. */
  subscribed(channels: number): Promise<void> {
    return this.#onRedis(async (client) => {
      for (const untilMs = Date.now() + SUBSCRIBE_MS_MAX; ; await sleep(50)) {
        const [sharded, plain] = [
          await client.call("PUBSUB", "SHARDCHANNELS"),
          await client.call("PUBSUB", "CHANNELS"),
        ];
        const found = (sharded as unknown[]).length + (plain as unknown[]).length;
        if (found >= channels) return;
        if (Date.now() > untilMs) throw new Error(`${found} channels are subscribed, not ${channels}`);
      }
    });
  }

  /** No key of the round before, no byte of it in the append-only file. */
  emptyRedis(): Promise<void> {
    return this.#onRedis(async (client) => {
      await client.flushall();
      await client.bgrewriteaof();
      while (!(await client.info("persistence")).includes("aof_rewrite_in_progress:0")) await sleep(20);
    });
  }

  /** Makes an empty database and gives its URL. */
  async database(name: string): Promise<string> {
    await ask(this.#mysqlUrl, `CREATE DATABASE moa_${name}`);
    const url = new URL(this.#mysqlUrl);
    url.pathname = `moa_${name}`;
    return url.href;
  }

  async pod({ name, root, args, env }: PodSpec): Promise<Pod> {
    const ports = Promise.withResolvers<{ readonly bridge?: number }>();
    let answered: (answer: unknown) => void = () => {};
    let sent: (message: string) => void = () => {};
    const child = new Child({
      name,
      command: process.execPath,
      // The floor, too, runs with what helps moa.
      args: [...nodeFlagsOf(args[0] ?? ""), ...args.map((arg) => (arg.endsWith(".ts") ? join(root, arg) : arg))],
      env: () => podEnv(env ?? {}),
      logFile: join(this.#dir, `${name}.txt`),
      ready: async (pod) => {
        sent = (message) => pod.send(message);
        pod.on("message", (said: { ready?: true; ports?: { bridge?: number } }) => {
          if (said.ready) ports.resolve(said.ports ?? {});
          else answered(said);
        });
        await ports.promise;
      },
      readyMsMax: 20_000,
      stopMsMax: 10_000,
    });
    await this.#start(child);
    return {
      child,
      port: (await ports.promise).bridge ?? 0,
      ask: (message) =>
        new Promise((resolve) => {
          answered = (answer) => resolve(answer as never);
          sent(message);
        }),
    };
  }

  async close(): Promise<void> {
    for (const child of this.#began.toReversed()) await child.stop();
    await rm(this.#dir, { recursive: true, force: true });
  }

  async #start(child: Child): Promise<void> {
    this.#began.push(child);
    child.onDeath = (report) => this.fail(new Error(report));
    await child.start();
  }

  async #onRedis(work: (client: Redis) => Promise<unknown>): Promise<void> {
    const client = new Redis(this.redisUrl);
    try {
      await work(client);
    } finally {
      client.disconnect();
    }
  }
}

/** One statement on a connection of its own. */
export async function ask(url: string, sql: string): Promise<RowDataPacket[]> {
  const connection = await createConnection(url);
  try {
    return (await connection.query<RowDataPacket[]>(sql))[0];
  } finally {
    await connection.end();
  }
}

export async function countRows(url: string): Promise<number> {
  return Number((await ask(url, "SELECT COUNT(*) AS n FROM kb_chat_logs"))[0]?.n);
}

/** Cheap, unlike a count: the writers leave no gaps worth speaking of. */
export async function newestRow(url: string): Promise<number> {
  return Number((await ask(url, "SELECT COALESCE(MAX(id), 0) AS n FROM kb_chat_logs"))[0]?.n);
}

/** Microseconds of CPU since it began, user and system, in steps of 10 ms. */
export async function cpuUs(account: Account): Promise<number> {
  return cpuTicks(await readFile(`/proc/${account.pid}/stat`, "utf8")) * US_PER_TICK;
}

/** A setting in the shell of whoever runs the benchmark must not decide it. */
function podEnv(env: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith("MOA_"));
  return { ...Object.fromEntries(others), ...env };
}
