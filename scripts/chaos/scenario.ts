/** What a scenario is: one entry of a table in scenarios/, one fault of a run each time it is dealt. */

import type { Random } from "#common/kernel/random.ts";
import type { Bot, BotSort, ChaosFleet } from "./fleet.ts";
import type { History } from "./history.ts";
import type { Topology } from "./servers.ts";
import type { Site } from "./site.ts";

export type Facts = Readonly<Record<string, number>>;

export interface Scene {
  readonly site: Site;
  readonly fleet: ChaosFleet;
  readonly history: History;
  /** Seeded by the run's seed and the fault's number. */
  readonly random: Random;
  readonly run: string;
  /** How long pods that are stopped stay so, ms. */
  readonly stoppedMs: number;
}

interface Described {
  /** What it stands for in the list of faults that a gateway must survive. */
  readonly numbers: readonly number[];
  readonly says: string;
  readonly topologies?: readonly Topology[];
  /** The proof that it bit: with less than this of any it is void, and a void fault fails the run. */
  readonly least: Facts;
  /** What moa promises beyond that nothing is lost, doubled, reordered or written twice at once. */
  readonly most?: Facts;
}

/** Strikes one bot; many run at once. Breaks and repairs, and resolves with what was seen. */
export interface BotScenario extends Described {
  readonly on: BotSort;
  strike(scene: Scene, bot: Bot): Promise<Facts>;
}

/** Strikes pods or servers; one at a time. */
export interface SiteScenario extends Described {
  readonly on: "site";
  strike(scene: Scene): Promise<Facts>;
}

export type Scenario = BotScenario | SiteScenario;

/** What of the proof is missing, in words. */
export function missingProof(facts: Facts, { least }: Pick<Described, "least">): string[] {
  return Object.entries(least)
    .filter(([name, bound]) => !((facts[name] ?? Number.NaN) >= bound))
    .map(([name, bound]) => `void: ${name} is ${facts[name]}, at least ${bound} proves the fault`);
}

/** What of the promises was not kept, in words. */
export function brokenPromises(facts: Facts, { most = {} }: Pick<Described, "most">): string[] {
  return Object.entries(most)
    .filter(([name, bound]) => !((facts[name] ?? Number.NaN) <= bound))
    .map(([name, bound]) => `${name} is ${facts[name]}, at most ${bound}`);
}
