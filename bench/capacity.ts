/**
 * `bench -- capacity`: counts what a stack asks of its Redis, at rest and at a low rate. No load test: commands and bytes
 * are the same on a slow machine. bench/capacity.json keeps the result, from which docs/capacity.md is made.
 *
 *   1 gateway, 1 worker ─> 2 and 2 ─> a phone for each bot ─> a phone of each on the other gateway, standing by ─> lines
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { Phone } from "#scripts/phone/phone.ts";
import type { Bed, Pod } from "./bed.ts";
import type { Counted, Measured } from "./capacity-model.ts";
import type { Outcome } from "./echo.ts";
import { rounded } from "./figures.ts";
import { idle } from "./idle.ts";
import { HERE, moaEnv } from "./variant.ts";

const BOTS = 200;
const CONNECTIONS = 4_000;
const RATES = [20, 200];
/** Looks, renewals and gauges have settled. */
const SETTLE_MS = 7_000;
/** Whole periods of what comes each 5 s. */
const COUNT_MS = 20_000;
const CONNECT_AT_ONCE = 20;

export async function capacity(bed: Bed): Promise<Outcome> {
  const redis = new Redis(bed.redisUrl);
  const env = moaEnv(bed, await bed.database("capacity"), HERE);
  const pod = (role: "worker" | "gateway", number: number) =>
    bed.pod({ name: `${role}-${number}`, root: HERE, args: [`${role}${role === "worker" ? "s" : ""}/main.ts`], env });
  const counted: Counted[] = [];
  const count = async (of: Omit<Counted, "perS" | "commandsPerS" | "memory">) => {
    await sleep(SETTLE_MS);
    counted.push({ ...of, ...(await countOn(redis)) });
  };
  const phones: Phone[] = [];
  try {
    // Workers migrate: gateways ask the database for their devices.
    await pod("worker", 1);
    const gateways = [await pod("gateway", 1)];
    await count({ gateways: 1, workers: 1, bots: 0, standbys: 0, linesPerS: 0 });
    await pod("worker", 2);
    gateways.push(await pod("gateway", 2));
    await count({ gateways: 2, workers: 2, bots: 0, standbys: 0, linesPerS: 0 });
    phones.push(...(await connected(gateways, 0)));
    await count({ gateways: 2, workers: 2, bots: BOTS, standbys: 0, linesPerS: 0 });
    for (const rate of RATES) {
      const end = speak(phones, rate);
      await count({ gateways: 2, workers: 2, bots: BOTS, standbys: 0, linesPerS: rate });
      end();
    }
    phones.push(...(await connected(gateways, 1)));
    await count({ gateways: 2, workers: 2, bots: BOTS, standbys: BOTS, linesPerS: 0 });
  } finally {
    await Promise.all(phones.map((phone) => phone.close()));
    redis.disconnect();
  }
  const idleConnections = (await idle(bed, CONNECTIONS)).result as Measured["idle"];
  const measured: Measured = { counted, idle: idleConnections };
  writeFileSync(join(HERE, "bench/capacity.json"), `${JSON.stringify(measured, null, 2)}\n`);
  const table = Object.fromEntries(
    counted.map(({ perS, memory, commandsPerS: _, ...of }) => [JSON.stringify(of), { ...perS, memory }]),
  );
  return { result: { bench: "capacity", counted }, table, failed: [] };
}

/** Of each bot its phone on one gateway (0), or on the other (1). */
async function connected(gateways: readonly Pod[], shift: 0 | 1): Promise<Phone[]> {
  const phones = Array.from({ length: BOTS }, (_, i) => {
    const { port } = gateways[(i + shift) % gateways.length] as Pod;
    return new Phone({ host: "127.0.0.1", port, bot: `capacity-${i}`, device: `phone ${shift}`, dialect: "v333" });
  });
  for (let first = 0; first < BOTS; first += CONNECT_AT_ONCE) {
    await Promise.all(phones.slice(first, first + CONNECT_AT_ONCE).map(welcomed));
  }
  return phones;
}

function welcomed(phone: Phone): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  phone.events.once("welcome", () => resolve());
  phone.connect();
  return promise;
}

/** Lines of 200 letters, spread evenly over the bots and the time. */
function speak(phones: readonly Phone[], rate: number): () => void {
  let next = 0;
  const startedMs = performance.now();
  const timer = setInterval(() => {
    const due = ((performance.now() - startedMs) * rate) / 1_000;
    for (; next < due; next++) {
      const text = `# echo ${next} ${"가".repeat(60)}`;
      phones[next % BOTS]?.say({ room: "방", channel: "1", sender: "홍길동", userHash: "u", text });
    }
  }, 5);
  return () => clearInterval(timer);
}

async function countOn(redis: Redis): Promise<Pick<Counted, "perS" | "commandsPerS" | "memory">> {
  const before = await look(redis);
  const startedMs = performance.now();
  await sleep(COUNT_MS);
  const after = await look(redis);
  const seconds = (performance.now() - startedMs) / 1_000;
  const perS = (of: (one: Look) => number) => rounded((of(after) - of(before)) / seconds);
  const names = [...after.calls.keys()].filter((name) => name !== "info");
  const commands = names.map((name) => [name, perS(({ calls }) => calls.get(name) ?? 0)] as const);
  return {
    perS: {
      commands: rounded(commands.reduce((sum, [, count]) => sum + count, 0)),
      cpuUs: perS(({ cpuUs }) => cpuUs),
      bytesIn: perS(({ bytesIn }) => bytesIn),
      bytesOut: perS(({ bytesOut }) => bytesOut),
    },
    commandsPerS: Object.fromEntries(commands.filter(([, count]) => count > 0)),
    memory: after.memory,
  };
}

interface Look {
  /** By command, those that scripts make included. */
  readonly calls: ReadonlyMap<string, number>;
  readonly cpuUs: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly memory: number;
}

async function look(redis: Redis): Promise<Look> {
  const text = await redis.info("commandstats", "stats", "cpu", "memory");
  const field = (name: string) => Number(new RegExp(`^${name}:(.+)`, "m").exec(text)?.[1]);
  const calls = [...text.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)].map(
    ([, name = "", count]) => [name, Number(count)] as const,
  );
  return {
    calls: new Map(calls),
    cpuUs: (field("used_cpu_user_main_thread") + field("used_cpu_sys_main_thread")) * 1e6,
    bytesIn: field("total_net_input_bytes"),
    bytesOut: field("total_net_output_bytes"),
    memory: field("used_memory"),
  };
}
