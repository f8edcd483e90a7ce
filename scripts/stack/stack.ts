/**
 * Redis, MariaDB, gateways and workers as processes of this machine. `npm start` and the tests run the same stack.
 *
 *   start: Redis and MariaDB side by side -> database -> workers (which migrate) and gateways side by side
 *   stop:  gateways -> workers -> MariaDB and Redis
 */
import { join, resolve } from "node:path";
import { MoaError } from "#common/kernel/errors.ts";
import type { Child } from "./child.ts";
import { ensureDatabase } from "./database.ts";
import { freePort } from "./free-port.ts";
import { mariadbServer } from "./mariadb.ts";
import { type Pod, podOf } from "./pod.ts";
import { redisServer, redisUrlOf } from "./redis.ts";

const ROOT = resolve(import.meta.dirname, "../..");

export interface StackOptions {
  readonly dir: string;
  readonly gateways: number;
  readonly workers: number;
  /** Of the first gateway; the others take any free one. 0 = any free one. */
  readonly bridgePort: number;
  readonly opsPort: number;
  /** On a MariaDB of ours; `moa` unless it is said. */
  readonly database?: string | undefined;
  /** Environment of the pods; where it names Redis (MOA_REDIS_URL, _SENTINELS, _CLUSTER) or MOA_MYSQL_URL, that is not ours to start. */
  readonly env: NodeJS.ProcessEnv;
  /** In the place of workers/main.ts: a test's own commands, or faults on purpose. */
  readonly workerMain?: string;
  onDeath?(report: string): void;
}

export class Stack {
  /** Undefined where the URL was given. */
  readonly redis: Child | undefined;
  readonly mariadb: Child | undefined;
  readonly gateways: readonly Pod[];
  readonly workers: readonly Pod[];
  /** Empty where Sentinels or a Cluster were given. */
  readonly redisUrl: string;
  readonly mysqlUrl: string;
  #isStopping = false;

  private constructor(options: StackOptions, servers: Servers) {
    ({ redis: this.redis, mariadb: this.mariadb, redisUrl: this.redisUrl, mysqlUrl: this.mysqlUrl } = servers);
    const env = { ...options.env, MOA_REDIS_URL: this.redisUrl, MOA_MYSQL_URL: this.mysqlUrl };
    const podsOf = (role: string, count: number, main: string) =>
      Array.from({ length: count }, (_, i) => {
        const name = `${role}-${i + 1}`;
        const isFirst = role === "gateway" && i === 0;
        const ports = {
          MOA_BRIDGE_PORT: `${isFirst ? options.bridgePort : 0}`,
          MOA_OPS_PORT: `${isFirst ? options.opsPort : 0}`,
        };
        return podOf({ name, main, env: { ...env, ...ports }, logFile: logOf(options.dir, name) });
      });
    this.gateways = podsOf("gateway", options.gateways, join(ROOT, "gateway/main.ts"));
    this.workers = podsOf("worker", options.workers, options.workerMain ?? join(ROOT, "workers/main.ts"));
    for (const child of this.children) {
      child.onDeath = (report) => options.onDeath?.(report);
    }
  }

  /** Makes the data directories; starts nothing. */
  static async prepare(options: StackOptions): Promise<Stack> {
    return new Stack(options, await serversOf(options));
  }

  /** In the order in which they start. */
  get children(): readonly Child[] {
    const servers = [this.redis, this.mariadb].filter((server) => server !== undefined);
    return [...servers, ...this.#pods];
  }

  get #pods(): readonly Child[] {
    return [...this.workers, ...this.gateways].map((pod) => pod.child);
  }

  /** @throws MoaError server_unfit, mysql_unavailable; `stop` ends what had started */
  async start(): Promise<void> {
    await Promise.all([this.redis?.start(), this.mariadb?.start()]);
    await ensureDatabase(this.mysqlUrl);
    // A stop that came meanwhile found no pods yet.
    if (this.#isStopping) throw new MoaError("deadline_passed", "the stack was stopped while it started");
    await Promise.all(this.#pods.map((child) => child.start()));
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.gateways.map((pod) => pod.child.stop()));
    await Promise.all(this.workers.map((pod) => pod.child.stop()));
    await Promise.all([this.mariadb?.stop(), this.redis?.stop()]);
  }
}

type Servers = Pick<Stack, "redis" | "mariadb" | "redisUrl" | "mysqlUrl">;

async function serversOf({ dir, env, database }: StackOptions): Promise<Servers> {
  const [redisPort, mysqlPort] = [await freePort(), await freePort()];
  const isElsewhere = Boolean(env.MOA_REDIS_SENTINELS || env.MOA_REDIS_CLUSTER);
  const redis =
    env.MOA_REDIS_URL || isElsewhere
      ? undefined
      : redisServer({ dir: join(dir, "redis"), port: redisPort, logFile: logOf(dir, "redis") });
  const mariadb = env.MOA_MYSQL_URL
    ? undefined
    : await mariadbServer({ dir: join(dir, "mariadb"), port: mysqlPort, logFile: logOf(dir, "mariadb"), database });
  return {
    redis,
    mariadb: mariadb?.server,
    redisUrl: env.MOA_REDIS_URL || (isElsewhere ? "" : redisUrlOf(redisPort)),
    mysqlUrl: mariadb?.url ?? (env.MOA_MYSQL_URL as string),
  };
}

function logOf(dir: string, name: string): string {
  return join(dir, "logs", `${name}.log`);
}
