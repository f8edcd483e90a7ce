/**
 * Makes faults on a running site until the time is over and each was made often enough.
 *
 *   bots: several at once, each on a bot of its own ───────────────────┐
 *   site: after a third of the time, one after the other, with rests ──┴──> history
 *
 * The first third is what times are measured of: a bot that is struck while servers are away is served when it can be.
 * Bounds of what is promised are not judged for a bot that was struck while the site was: what is lost, doubled or
 * written twice at once is judged always.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type Random, seededRandom } from "#common/kernel/random.ts";
import { Deck } from "./deck.ts";
import type { Bot } from "./fleet.ts";
import type { FaultMade } from "./history.ts";
import {
  type BotScenario,
  brokenPromises,
  type Facts,
  missingProof,
  type Scene,
  type SiteScenario,
} from "./scenario.ts";
import { scenarios } from "./scenarios/catalogue.ts";

const BOTS_AT_ONCE = 5;
const REST_MS = 4_000;
const TRY_AGAIN_MS = 200;
/** A fault of the site is felt by bots for so long after it is over. */
const AFTERWARDS_MS = 15_000;
const BOTS_FIRST_SHARE = 1 / 3;

export interface FaultPlan {
  readonly names: readonly string[];
  readonly seed: number;
  readonly msMin: number;
  readonly times: number;
  onFault(fault: FaultMade): void;
}

export async function makeFaults(scene: Omit<Scene, "random">, plan: FaultPlan): Promise<void> {
  const random = seededRandom(plan.seed);
  const isOnSite = (name: string) => scenarios[name]?.on === "site";
  const decks = {
    site: new Deck(plan.names.filter(isOnSite), random),
    bots: new Deck(
      plan.names.filter((name) => !isOnSite(name)),
      random,
    ),
  };
  const striker = new Striker(scene, plan, random);
  const deadline = Date.now() + plan.msMin;
  const isOver = () => Date.now() >= deadline && decks.site.isThrough(plan.times) && decks.bots.isThrough(plan.times);
  const onSite = async () => {
    if (!decks.bots.isEmpty) await sleep(plan.msMin * BOTS_FIRST_SHARE);
    while (!isOver()) {
      const name = decks.site.deal();
      if (name === undefined) return;
      await striker.strikeSite(name, scenarios[name] as SiteScenario);
      await sleep(REST_MS);
    }
  };
  const onBots = async () => {
    while (!isOver()) {
      if (decks.bots.isEmpty) return;
      const name = decks.bots.deal((one) => striker.freeBot(scenarios[one] as BotScenario) !== undefined);
      if (name === undefined) await sleep(TRY_AGAIN_MS);
      else if (!(await striker.strikeBot(name, scenarios[name] as BotScenario))) decks.bots.putBack(name);
    }
  };
  await Promise.all([onSite(), ...Array.from({ length: BOTS_AT_ONCE }, onBots)]);
}

class Striker {
  readonly #scene: Omit<Scene, "random">;
  readonly #plan: FaultPlan;
  readonly #random: Random;
  readonly #busy = new Set<Bot>();
  /** When the site was struck last; Infinity while it is. */
  #siteStruckUntil = 0;

  constructor(scene: Omit<Scene, "random">, plan: FaultPlan, random: Random) {
    this.#scene = scene;
    this.#plan = plan;
    this.#random = random;
  }

  freeBot({ on }: BotScenario): Bot | undefined {
    return this.#scene.fleet.bots.find((bot) => bot.sort === on && !this.#busy.has(bot));
  }

  /** False when it did not bite because the site was struck meanwhile: it is to be made again. */
  async strikeBot(name: string, scenario: BotScenario): Promise<boolean> {
    const bot = this.freeBot(scenario) as Bot;
    this.#busy.add(bot);
    const at = Date.now();
    const { facts, error } = await settled(() => scenario.strike(this.#chanced(), bot));
    const isConfused = this.#siteStruckUntil + AFTERWARDS_MS > at;
    const unproven = error === undefined ? missingProof(facts, scenario) : [error];
    const failed = isConfused ? [] : [...unproven, ...(error === undefined ? brokenPromises(facts, scenario) : [])];
    const bit = unproven.length === 0;
    this.#told({ kind: "fault", at, endedAt: Date.now(), scenario: name, bot: bot.name, facts, bit, failed });
    this.#busy.delete(bot);
    return bit || !isConfused;
  }

  async strikeSite(name: string, scenario: SiteScenario): Promise<void> {
    const at = Date.now();
    this.#siteStruckUntil = Number.POSITIVE_INFINITY;
    const { facts, error } = await settled(() => scenario.strike(this.#chanced()));
    this.#siteStruckUntil = Date.now();
    const unproven = error === undefined ? missingProof(facts, scenario) : [error];
    const failed = [...unproven, ...(error === undefined ? brokenPromises(facts, scenario) : [])];
    this.#told({ kind: "fault", at, endedAt: Date.now(), scenario: name, facts, bit: unproven.length === 0, failed });
  }

  #chanced(): Scene {
    return { ...this.#scene, random: seededRandom(Math.floor(this.#random.next() * 2 ** 32)) };
  }

  #told(fault: FaultMade): void {
    this.#scene.history.add(fault);
    this.#plan.onFault(fault);
  }
}

async function settled(strike: () => Promise<Facts>): Promise<{ facts: Facts; error?: string }> {
  try {
    return { facts: await strike() };
  } catch (error) {
    return { facts: {}, error: (error as Error).message };
  }
}
