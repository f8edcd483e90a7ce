import { parseArgs } from "node:util";
import { MoaError } from "#common/kernel/errors.ts";
import { scenarios } from "./scenarios/catalogue.ts";
import { TOPOLOGIES, type Topology } from "./servers.ts";

export const USAGE = `usage: npm run chaos -- --scenario NAME[,NAME]|all [--seed N] [--minutes M] [--times K] [--json]
         [--rate R] [--bots B] [--crowd C] [--stopped S] [--topology single,sentinel,cluster] [--keep] | --list
  --minutes   how long faults are made, over all topologies (default 5); it goes on until each was made --times
  --times     each fault at least so often (default 1)
  --rate      lines a second over all phones (default 200)
  --bots      bots of each sort that faults choose from (default 6)
  --crowd     bots beside them, for load alone, with two phones each (default 30)
  --stopped   seconds for which pods that are stopped stay so (default 8)
  --keep      leave data, logs and the history where they are`;

export interface ChaosOptions {
  readonly names: readonly string[];
  readonly seed: number;
  readonly minutes: number;
  readonly times: number;
  readonly rate: number;
  readonly bots: number;
  readonly crowd: number;
  readonly stoppedMs: number;
  readonly topologies: readonly Topology[];
  readonly json: boolean;
  readonly keep: boolean;
  readonly list: boolean;
}

/** @throws MoaError config_invalid, with the usage */
export function readOptions(args: readonly string[]): ChaosOptions {
  const values = parse(args);
  const names =
    values.scenario === "all" || values.scenario === undefined ? Object.keys(scenarios) : values.scenario.split(",");
  const unknown = names.find((name) => !(name in scenarios));
  if (unknown !== undefined) throw invalid(`there is no scenario ${unknown}; --list shows all`);
  if (values.scenario === undefined && !values.list) throw invalid("--scenario is missing");
  const topologies = values.topology?.split(",") ?? TOPOLOGIES;
  const strange = topologies.find((one) => !(TOPOLOGIES as readonly string[]).includes(one));
  if (strange !== undefined) throw invalid(`there is no topology ${strange}`);
  return {
    names,
    seed: number("seed", values.seed ?? "1", 0),
    minutes: number("minutes", values.minutes ?? "5", 0),
    times: number("times", values.times ?? "1", 1),
    rate: number("rate", values.rate ?? "200", 1),
    bots: number("bots", values.bots ?? "6", 1),
    crowd: number("crowd", values.crowd ?? "30", 1),
    stoppedMs: 1_000 * number("stopped", values.stopped ?? "8", 1),
    topologies: topologies as readonly Topology[],
    json: values.json ?? false,
    keep: values.keep ?? false,
    list: values.list ?? false,
  };
}

function parse(args: readonly string[]) {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const numbers = { seed: text, minutes: text, times: text, rate: text, bots: text, crowd: text, stopped: text };
  try {
    const options = { ...numbers, scenario: text, topology: text, json: flag, keep: flag, list: flag };
    return parseArgs({ args: [...args], options }).values;
  } catch (cause) {
    throw invalid((cause as Error).message);
  }
}

function number(name: string, value: string, least: number): number {
  const found = Number(value);
  if (!(found >= least)) throw invalid(`--${name} must be ${least} or more, not ${value}`);
  return found;
}

function invalid(what: string): MoaError {
  return new MoaError("config_invalid", `${what}\n${USAGE}`);
}
