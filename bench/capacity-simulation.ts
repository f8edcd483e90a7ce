/**
 * The coordination as it happens, event by event: pods whose loops turn each at a phase of its own, bots with a writer on
 * one gateway and a standby on another, and what becomes of them when a gateway dies or is replaced. Counts commands by
 * second and Redis node. The model (capacity-model.ts) knows means alone; what is shared with it is what a turn costs.
 *
 *   death     a gateway is gone ──its life runs out──> looks of others find it ──> standbys take its bots
 *                              └──4 s──> its phones dial again, and are enrolled elsewhere
 *   drain     64 bots at a time are handed over ──> standbys take them; then phones are let go at a pace, and dial again
 *
 * Seeded and without a clock: the same plan gives the same figures. A call is answered at once: what comes at a time is
 * counted, not how long a busy Redis takes for it.
 */
import { limits } from "#common/contract/limits.ts";
import { type Random, seededRandom } from "#common/kernel/random.ts";
import { GAUGE_EVERY_MS, JOBS, type Layout, type Site, TURN } from "./capacity-model.ts";

export type Happening = "rest" | "death" | "drain";

export interface Plan {
  readonly site: Site;
  readonly layout: Layout;
  readonly nodes: number;
  readonly happening: Happening;
}

export interface Simulated {
  /** Commands a second of all nodes. */
  readonly perS: number;
  /** Commands of the busiest second of the busiest node. */
  readonly peak: number;
  /** From the death, or the drain's beginning, until the last bot has a writer again, ms; 0 at rest. */
  readonly outageMs: number;
}

/** What is one key, or one tag, is on one node. */
const [MEMBERS, APPROVALS, JOB_QUEUES] = [0, 1, 2];
/** EVALSHA, HMGET, TIME, HSET, SPUBLISH; then, to read the outbox, EVALSHA, HMGET, XRANGE, XRANGE. */
const TAKE = 9;
/** HGETALL, HMGET to look; EVALSHA, HMGET, HDEL, HSET, SPUBLISH to end the reign. */
const HAND_OVER = 7;
/** SSUBSCRIBE; EVALSHA, HMGET, HGETALL, HSET, SPUBLISH. */
const ENROL = 6;
/** How long a phone waits before it dials again, and how far dials are apart. */
const REDIAL_MS = 4_000;
const DIAL_MS_MAX = 1_000;
/** Until what a reign wrote last is confirmed. */
const FINISH_MS = 50;
/** Of a loop's call, before its next pause begins. */
const CALL_MS_MAX = 4;
const BEGIN_MS = 5_000;
const END_MS = 30_000;
const SEED = 1;

export function simulated(plan: Plan): Simulated {
  const simulation = new Simulation(plan);
  simulation.beginLoops();
  if (plan.happening === "death") simulation.at(BEGIN_MS, () => simulation.die(0));
  if (plan.happening === "drain") simulation.at(BEGIN_MS, () => simulation.drain(0));
  return simulation.run();
}

class Simulation {
  readonly #plan: Plan;
  readonly #random: Random = seededRandom(SEED);
  /** What is due, by its ms. */
  readonly #agenda: (() => void)[][] = Array.from({ length: END_MS }, () => []);
  readonly #counts: Float64Array;
  readonly #writer: Int32Array;
  readonly #standby: Int32Array;
  /** Bots whose standby is on a gateway. */
  readonly #standing: number[][];
  /** Of a gateway that died: when its life has run out. */
  readonly #over = new Map<number, number>();
  readonly #renewedMs: Int32Array;
  #nowMs = 0;
  #takenMs = BEGIN_MS;

  constructor(plan: Plan) {
    const { site, nodes } = plan;
    this.#plan = plan;
    this.#counts = new Float64Array((END_MS / 1_000) * nodes);
    this.#renewedMs = new Int32Array(site.gateways);
    this.#writer = Int32Array.from({ length: site.bots }, () => this.#below(site.gateways));
    this.#standby = this.#writer.map((gateway, bot) => (bot < site.standbys ? this.#other(gateway) : gateway));
    this.#standing = Array.from({ length: site.gateways }, () => []);
    for (let bot = 0; bot < site.standbys; bot++) this.#standing[this.#standby[bot] as number]?.push(bot);
  }

  /** What would come after the end does not. */
  at(ms: number, then: () => void): void {
    this.#agenda[Math.round(ms)]?.push(then);
  }

  run(): Simulated {
    for (; this.#nowMs < END_MS; this.#nowMs++) for (const event of this.#agenda[this.#nowMs] ?? []) event();
    const perS = (this.#counts.reduce((sum, count) => sum + count, 0) * 1_000) / END_MS;
    const outageMs = this.#plan.happening === "rest" ? 0 : this.#takenMs - BEGIN_MS;
    return { perS, peak: this.#counts.reduce((most, count) => Math.max(most, count), 0), outageMs };
  }

  beginLoops(): void {
    const { site, layout } = this.#plan;
    for (let gateway = 0; gateway < site.gateways; gateway++) this.#beginGateway(gateway);
    for (let worker = 0; worker < site.workers; worker++) this.#beginWorker();
    const laneMs = limits.laneCheckEveryMs;
    for (let lane = 0; lane < layout.lanes; lane++) this.#every(laneMs, () => this.#ask(lane, 1));
    this.#every(1_000, () => this.#ask(JOB_QUEUES, JOBS.ofAll));
  }

  #beginGateway(gateway: number): void {
    const { site, layout } = this.#plan;
    const every = (ms: number, turn: () => void) => this.#every(ms, () => !this.#over.has(gateway) && turn());
    every(limits.lifeRenewEveryMs, () => {
      this.#renewedMs[gateway] = this.#nowMs;
      this.#ask(MEMBERS, TURN.renewal);
    });
    every(limits.approvalChangesEveryMs, () => this.#ask(APPROVALS, 1));
    for (let tag = 0; tag < layout.tags; tag++) {
      every(limits.dirtyEveryMs, () => this.#ask(tag, 1));
      every(limits.heldLookEveryMs, () => this.#ask(tag, TURN.held));
    }
    for (let tag = 0; tag < (site.bots > 0 ? layout.reach.tags : 0); tag++)
      every(limits.probeEveryMs, () => this.#ask(tag, 1));
    if (site.standbys > 0) this.#beginLooks(gateway, every);
  }

  /** Who lives; who writes for some of the standbys, in rounds; and of the dead, their bots. */
  #beginLooks(gateway: number, every: (ms: number, turn: () => void) => void): void {
    const bots = this.#standing[gateway] as number[];
    let [asked, roundMs] = [0, Number.NEGATIVE_INFINITY];
    every(limits.writersLookEveryMs, () => {
      this.#ask(MEMBERS, TURN.living);
      if (asked === 0 && this.#nowMs - roundMs >= limits.standbyRoundMsMin) roundMs = this.#nowMs;
      else if (asked === 0) return this.#takeOfDead(bots);
      for (const bot of bots.slice(asked, asked + limits.standbysAskedPerLook)) this.#ask(bot, TURN.asking);
      asked += limits.standbysAskedPerLook;
      if (asked >= bots.length) asked = 0;
      this.#takeOfDead(bots);
    });
  }

  #beginWorker(): void {
    const { lanes, reach } = this.#plan.layout;
    for (let life = 0; life < 2; life++) this.#every(limits.lifeRenewEveryMs, () => this.#ask(MEMBERS, TURN.renewal));
    // Of approvals, and of the rules of automatic replies.
    for (const _ of [1, 2]) this.#every(limits.approvalChangesEveryMs, () => this.#ask(APPROVALS, 1));
    this.#every(limits.laneCheckEveryMs, () => {
      // Of lanes, and of their rows.
      this.#ask(MEMBERS, 2 * TURN.living);
      for (let lane = 0; lane < lanes; lane++) this.#ask(lane, 1);
    });
    this.#every(GAUGE_EVERY_MS, () => {
      for (let lane = 0; lane < lanes; lane++) this.#ask(lane, TURN.balance);
    });
    for (let shard = 0; shard < reach.shards; shard++)
      this.#every(limits.blockingReadMs, () => this.#ask(shard, 1 + TURN.copiers));
    this.#every(1_000, () => this.#ask(JOB_QUEUES, JOBS.ofEach));
  }

  die(gateway: number): void {
    this.#over.set(gateway, (this.#renewedMs[gateway] as number) + limits.lifeMs);
    const phones = this.#phonesOf(gateway);
    for (let phone = 0; phone < phones; phone++) this.#dialAgain(phone, this.#nowMs);
  }

  drain(gateway: number): void {
    const bots = [...this.#writer.keys()].filter((bot) => this.#writer[bot] === gateway);
    bots.forEach((bot, i) => {
      this.at(this.#nowMs + Math.floor(i / limits.drainBotsAtOnceMax) * FINISH_MS, () => {
        this.#ask(bot, HAND_OVER);
        if (this.#standby[bot] !== gateway) this.#take(bot);
      });
    });
    const phones = this.#phonesOf(gateway);
    const pace = Math.max(limits.drainPerSecondMax, (phones * 2_000) / limits.drainMsMax);
    const beginMs = this.#nowMs + (bots.length / limits.drainBotsAtOnceMax) * FINISH_MS;
    for (let phone = 0; phone < phones; phone++) this.#dialAgain(phone, beginMs + (phone * 1_000) / pace);
  }

  #takeOfDead(bots: readonly number[]): void {
    for (const [dead, overMs] of this.#over) {
      if (this.#nowMs < overMs) continue;
      for (const bot of bots) if (this.#writer[bot] === dead) this.#take(bot);
    }
  }

  #take(bot: number): void {
    this.#writer[bot] = this.#standby[bot] as number;
    this.#takenMs = this.#nowMs;
    this.#ask(bot, TAKE);
  }

  #phonesOf(gateway: number): number {
    const isHere = (at: number) => Number(at === gateway);
    return this.#writer.reduce((sum, at) => sum + isHere(at), 0) + (this.#standing[gateway]?.length ?? 0);
  }

  #dialAgain(phone: number, fromMs: number): void {
    this.at(fromMs + REDIAL_MS + this.#random.next() * DIAL_MS_MAX, () => this.#ask(phone, ENROL));
  }

  #every(ms: number, turn: () => void): void {
    const again = () => {
      turn();
      this.at(this.#nowMs + ms + this.#random.next() * CALL_MS_MAX, again);
    };
    this.at(this.#random.next() * ms, again);
  }

  /** @param slot a shard, tag or single key; they are dealt out to the nodes in turn */
  #ask(slot: number, commands: number): void {
    const { nodes, layout } = this.#plan;
    const at = Math.floor(this.#nowMs / 1_000) * nodes + ((slot % layout.tags) % nodes);
    this.#counts[at] = (this.#counts[at] as number) + commands;
  }

  #below(count: number): number {
    return Math.floor(this.#random.next() * count);
  }

  #other(gateway: number): number {
    const { gateways } = this.#plan.site;
    return (gateway + 1 + this.#below(gateways - 1)) % gateways;
  }
}
