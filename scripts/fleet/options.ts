import { parseArgs } from "node:util";
import { limits } from "#common/contract/limits.ts";
import { MoaError } from "#common/kernel/errors.ts";
import { DIALECT_NAMES, type DialectName } from "#scripts/phone/dialects.ts";
import type { StackRecord } from "./stack-record.ts";

export const USAGE = `usage: npm run fleet -- --bots N --rate R --seconds S [--rooms K] [--dialects a,b] [--host H]
         [--port P | --ports 1,2] [--settle S] [--json]
  --bots      phones, one per bot (1 .. 10000)
  --rate      chat lines a second, over all phones; sent on time whether answers come or not
  --rooms     rooms of each bot (default 4)
  --dialects  of ${DIALECT_NAMES.join(", ")} (default: all)
  --ports     gateways; each phone prefers one and knows the others (default: those of the running npm start)
  --settle    seconds without any sign after which what is missing is given up`;

/** Beyond its action's deadline no answer is shown any more. */
const SETTLE_MARGIN_S = 10;

export interface FleetOptions {
  readonly bots: number;
  readonly rate: number;
  readonly seconds: number;
  readonly rooms: number;
  readonly dialects: readonly DialectName[];
  readonly host: string;
  readonly ports: readonly number[];
  readonly settleMs: number;
  readonly json: boolean;
}

/** @throws MoaError config_invalid, with the usage */
export function readOptions(args: readonly string[], stack: StackRecord): FleetOptions {
  const values = parse(args);
  const ttlS = (stack.config?.actionTtlMs ?? limits.actionMsMax) / 1_000;
  const ports = values.ports ?? values.port;
  return {
    bots: number("bots", values.bots, { low: 1, high: 10_000 }),
    rate: number("rate", values.rate, { low: 0.1, high: 100_000 }),
    seconds: number("seconds", values.seconds, { low: 0.1, high: 86_400 }),
    rooms: number("rooms", values.rooms ?? "4", { low: 1, high: 1_000 }),
    dialects: dialectsOf(values.dialects),
    host: values.host ?? stack.host,
    ports: ports?.split(",").map((port) => number("ports", port, { low: 1, high: 65_535 })) ?? stack.ports,
    settleMs: 1_000 * number("settle", values.settle ?? String(ttlS + SETTLE_MARGIN_S), { low: 1, high: 3_600 }),
    json: values.json ?? false,
  };
}

function parse(args: readonly string[]) {
  const text = { type: "string" } as const;
  try {
    const options = {
      ...{ bots: text, rate: text, seconds: text, rooms: text, dialects: text, host: text, port: text, ports: text },
      ...{ settle: text, json: { type: "boolean" } as const },
    };
    return parseArgs({ args: [...args], options }).values;
  } catch (cause) {
    throw new MoaError("config_invalid", `${(cause as Error).message}\n${USAGE}`, { cause });
  }
}

function number(name: string, value: string | undefined, range: { low: number; high: number }): number {
  const found = Number(value);
  const whole = ["bots", "rooms", "ports"].includes(name);
  if (value !== undefined && found >= range.low && found <= range.high && (!whole || Number.isInteger(found)))
    return found;
  throw new MoaError("config_invalid", `--${name} must be ${range.low} to ${range.high}, not ${value}\n${USAGE}`);
}

function dialectsOf(value: string | undefined): readonly DialectName[] {
  const names = value?.split(",") ?? DIALECT_NAMES;
  const wrong = names.find((name) => !(DIALECT_NAMES as readonly string[]).includes(name));
  if (wrong !== undefined) throw new MoaError("config_invalid", `--dialects: there is no ${wrong}\n${USAGE}`);
  return names as readonly DialectName[];
}
