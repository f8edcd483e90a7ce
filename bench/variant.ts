/** The things that are compared. Each boots fresh processes on the bed and says which of them cost what. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DEVELOPMENT } from "#scripts/stack/pod.ts";
import { type Account, ask, type Bed } from "./bed.ts";
import { CHAT_LOG_TABLE } from "./floor/schema.ts";
import type { Order } from "./load.ts";

export interface Running {
  readonly port: number;
  /** Whose CPU is counted, by role. */
  readonly accounts: Readonly<Record<string, Account>>;
  /** Where its chat-log rows go; null when it keeps none. */
  readonly mysqlUrl: string | null;
  stop(): Promise<void>;
}

export interface Variant {
  readonly name: string;
  /** In front of an answer's number. */
  readonly mark: string;
  readonly load: Extract<Order, { readonly step: "saturate" | "pace" }>;
  boot(bed: Bed, round: number): Promise<Running>;
}

/** Four lines of each phone are always under way. */
const SATURATION = { step: "saturate", window: 4 } as const;
export const HERE = join(import.meta.dirname, "..");

export const bareEcho: Variant = {
  name: "bare_echo",
  mark: "# echo ",
  // At about the floor's own rate: at ten times that, lines of many sockets come with each wake-up, and a line costs
  // less than it can in any gateway.
  load: { step: "pace", rate: 10_000 },
  boot: async (bed, round) => {
    const echo = await bed.pod({ name: `bare-${round}`, root: HERE, args: ["bench/bare/echo.ts"] });
    return { port: echo.port, accounts: { gateway: echo.child }, mysqlUrl: null, stop: () => echo.child.stop() };
  },
};

export const floor: Variant = {
  name: "floor",
  mark: "에코: ",
  load: SATURATION,
  boot: async (bed, round) => {
    const mysqlUrl = await bed.database(`floor_${round}`);
    await ask(mysqlUrl, CHAT_LOG_TABLE);
    const env = { MOA_REDIS_URL: bed.redisUrl, MOA_MYSQL_URL: mysqlUrl };
    return pair(bed, {
      name: `floor-${round}`,
      root: HERE,
      files: ["bench/floor/worker.ts", "bench/floor/gateway.ts"],
      env,
    });
  },
};

/** The product as it stands in a working tree, everything on; only the quotas are out of the way. */
export function moaOf(root: string, name: string, more: Readonly<Record<string, string>> = {}): Variant {
  return {
    name,
    mark: "에코: ",
    load: SATURATION,
    boot: async (bed, round) => {
      const mysqlUrl = await bed.database(`${name.replaceAll(/\W/g, "_")}_${round}`);
      const env = { ...moaEnv(bed, mysqlUrl, root), ...more };
      return pair(bed, { name: `${name}-${round}`, root, files: ["workers/main.ts", "gateway/main.ts"], env });
    },
  };
}

/** @param root of the working tree that runs: one of before approvals and signatures refuses settings it does not know */
export function moaEnv(bed: Bed, mysqlUrl: string, root: string): Record<string, string> {
  const servers = { MOA_REDIS_URL: bed.redisUrl, MOA_MYSQL_URL: mysqlUrl };
  const rates = { MOA_BOT_RATE: "1000000", MOA_ROOM_RATE: "1000000" };
  const isApproving = readFileSync(join(root, "common/config/schema.ts"), "utf8").includes("MOA_APPROVAL");
  return { ...(isApproving ? DEVELOPMENT : {}), ...servers, ...rates, MOA_BRIDGE_PORT: "0", MOA_OPS_PORT: "0" };
}

interface Pair {
  readonly name: string;
  readonly root: string;
  readonly files: readonly [worker: string, gateway: string];
  readonly env: Record<string, string>;
}

async function pair(bed: Bed, { name, root, files, env }: Pair): Promise<Running> {
  // Keys of the round before are nobody's any more; a position in MySQL never outlives its stream.
  await bed.emptyRedis();
  const worker = await bed.pod({ name: `${name}-worker`, root, args: [files[0]], env });
  const gateway = await bed.pod({ name: `${name}-gateway`, root, args: [files[1]], env });
  return {
    port: gateway.port,
    accounts: { gateway: gateway.child, worker: worker.child, redis: bed.redis, mysql: bed.mariadb },
    mysqlUrl: env.MOA_MYSQL_URL ?? null,
    stop: async () => {
      await gateway.child.stop();
      await worker.child.stop();
    },
  };
}
