/**
 * The whole system in one process, by seed: gateways, workers and phones of the product over the memory twins and a fake
 * clock, with faults; then calm, until nothing moves; then the promises of ARCHITECTURE.md are checked.
 *
 *   0 s ─── talk and faults ─── 8 s ─── calm: everything is alive again ─── one more line to each bot ─── 92 s ─── check
 *
 * Faults by seed: calls lost on the way there or back, slow calls, pieces and news dropped or late (also the last one of
 * all), the whole tail of publishes lost, and what faults.ts has for pods, phones, connections, operators and the store.
 * Each bot has one to three phones.
 */
import { pino } from "pino";
import { type MemoryStore, memoryBackends, memoryStore } from "#common/backends/memory/backends.ts";
import { decodeAction } from "#common/contract/codec.ts";
import { type Random, seededRandom } from "#common/kernel/random.ts";
import { createMetrics } from "#common/observe/metrics.ts";
import type { Append } from "#common/ports/lane-log.ts";
import { FakeClock } from "#test/fixtures/fake-clock.ts";
import { broken } from "./checks.ts";
import { KINDS, lineOf, type Told } from "./dialogue.ts";
import { Faults } from "./faults.ts";
import { SimGateway } from "./gateway.ts";
import { type Shown, SimPhone } from "./phone.ts";
import type { Plant } from "./plant.ts";
import { type CallFaults, NO_FAULTS, Process } from "./process.ts";
import { MemoryStores } from "./stores.ts";
import { Truth } from "./truth.ts";
import { startWorker } from "./worker.ts";

const TOPOLOGY = { shards: 1, lanesPerShard: 4, tags: 2 };
const BOTS = ["b1", "b2", "b3"];
const DEVICES = ["a", "b", "c"];
const ROOMS = ["1", "2"];
const TALK_MS = 8_000;
/** Each writer whose phone is stopped with pictures to show is given up after 20 s, and the next one shows them first. */
const CALM_MS = 60_000;
/** What began within the talk is over, and known. */
const LAST_FAULT_MS = 14_000;
const LAST_MS = 10_000;
const LINES = 48;
const PICTURE_EVERY = 16;
const QUICK = KINDS.filter((kind) => kind !== "picture");
const FAULTS_MAX = 10;

const log = pino({ level: process.env.SIM_LOG ?? "silent" });
/** One for all runs: making the handles is dearer than a run, and no check looks at them. */
const { metrics } = createMetrics(false);

export class World {
  readonly #clock = new FakeClock();
  readonly #random: Random;
  readonly #store: MemoryStore;
  readonly #stores = new MemoryStores();
  readonly #truth = new Truth();
  readonly #faults: CallFaults;
  readonly #plant: Plant | undefined;
  readonly #phones: readonly SimPhone[];
  readonly #shown = new Map<string, Shown[]>();
  readonly #gateways: SimGateway[] = [];
  readonly #workers: Process[] = [];
  /** Every event that a lane took, in order: the append history. */
  readonly #history: string[] = [];
  readonly #told: Told[] = [];
  readonly #mute: string[] = [];
  #droppedPieces: number;
  #names = 0;

  constructor(seed: number, plant?: Plant) {
    const random = seededRandom(seed);
    this.#random = random;
    this.#plant = plant;
    this.#store = memoryStore({ topology: TOPOLOGY, clock: this.#clock, random, laneBacklogMax: 10_000 });
    const chance = () => (random.next() < 0.5 ? 0 : random.next() * 0.1);
    this.#faults = { lostRequest: chance(), lostReply: chance(), slow: chance() / 2 };
    this.#droppedPieces = random.next() < 0.5 ? 0 : random.next();
    this.#phones = BOTS.flatMap((bot) => {
      const devices = DEVICES.slice(0, 1 + Math.floor(random.next() * DEVICES.length));
      return devices.map((device) => this.#phone(bot, device));
    });
  }

  /** What promise was broken, in words; empty when all were kept. */
  async run(): Promise<readonly string[]> {
    const uproot = this.#plant?.inside?.();
    try {
      await this.#live();
      return await this.#judge();
    } finally {
      uproot?.();
    }
  }

  async #live(): Promise<void> {
    for (let i = 0; i < 2 + Math.floor(this.#random.next() * 2); i++) await this.#startGateway();
    for (let i = 0; i < 3; i++) await this.#startWorker();
    for (const phone of this.#phones) phone.connect();
    this.#scheduleTalk();
    this.#scheduleFaults();
    await this.#clock.advance(TALK_MS);
    this.#droppedPieces = 0;
    for (const worker of this.#workers) worker.calm();
    for (const { process } of this.#gateways) process.calm();
    await this.#clock.advance(LAST_FAULT_MS);
    const open = this.#gateways.flatMap((gateway) => gateway.connections());
    const left = open.filter((id) => this.#truth.outdated.has(id));
    this.#mute.push(...left.map((id) => `${id} is open, and its device has a later one`));
    // An operator whose word was lost says it again.
    for (const bot of BOTS) await this.#store.writers.ask(bot, { kind: "paused", paused: false });
    await this.#clock.advance(CALM_MS);
    await this.#lookForMute();
    for (const bot of BOTS) {
      const told: Told = {
        bot,
        room: "1",
        kind: "echo",
        name: `last of ${bot}`,
        text: lineOf("echo", `last of ${bot}`),
      };
      const phone = this.#phones.find((one) => one.bot === bot && one.say(told.room, told.text));
      if (phone === undefined) this.#mute.push(`${bot}: no phone of it came back`);
      else this.#told.push(told);
    }
    await this.#clock.advance(LAST_MS);
    await this.#lookForMute();
  }

  async #judge(): Promise<readonly string[]> {
    const held = (await Promise.all(BOTS.map((bot) => this.#store.held.list(bot)))).flat();
    const actions = held.map(({ action }) => decodeAction(action));
    return broken({
      told: this.#told,
      history: this.#history,
      balances: await this.#store.lanes.balances(),
      shown: this.#shown,
      rows: this.#stores.rows,
      effects: this.#stores.effects,
      openOutboxRows: this.#stores.openOutboxRows,
      held: new Set(actions.flatMap((action) => (action.kind === "text" ? [action.text] : []))),
      mute: this.#mute,
      wrongs: this.#truth.broken,
    });
  }

  /** All is calm: each bot has a living writer, and nothing waits. */
  async #lookForMute(): Promise<void> {
    const live = await this.#store.membership.live("gateway");
    for (const bot of BOTS) {
      const { holder, waiting } = await this.#store.writers.look(bot);
      if (holder === null || !live.includes(holder.member)) this.#mute.push(`${bot}: nobody writes`);
      if (waiting > 0) this.#mute.push(`${bot}: ${waiting} actions wait`);
    }
  }

  #phone(bot: string, device: string): SimPhone {
    const shown = this.#shown.get(bot) ?? [];
    this.#shown.set(bot, shown);
    return new SimPhone({
      ...{ bot, device, clock: this.#clock, random: this.#random, gateways: () => this.#gateways },
      onShown: (one) => {
        shown.push(one);
        this.#truth.shown(one);
      },
    });
  }

  /** Even, or most of it at two moments, so that more waits than may be unconfirmed. */
  #scheduleTalk(): void {
    const moments = this.#random.next() < 0.5 ? null : [0, 1].map(() => 500 + this.#random.next() * (TALK_MS - 1_000));
    for (let n = 0; n < LINES; n++) {
      const at = moments === null ? this.#between(500, TALK_MS) : this.#pick(moments) + this.#random.next() * 100;
      this.#clock.after(at, () => {
        const phone = this.#pick(moments === null ? this.#phones : this.#phones.slice(0, 2));
        const room = this.#pick(ROOMS);
        // Few: a phone reads nothing for seconds.
        const kind = n % PICTURE_EVERY === 0 ? "picture" : this.#pick(QUICK);
        const name = `line ${n}`;
        const text = lineOf(kind, name);
        if (phone.say(room, text)) this.#told.push({ bot: phone.bot, room, kind, name, text });
      });
    }
  }

  #scheduleFaults(): void {
    const alive = <T extends { readonly alive: boolean }>(processes: readonly T[]) => processes.filter((p) => p.alive);
    const faults = new Faults({
      clock: this.#clock,
      random: this.#random,
      store: this.#store,
      log,
      bots: BOTS,
      phones: this.#phones,
      gateways: () => this.#gateways.filter(({ process }) => process.alive),
      workers: () => alive(this.#workers),
      onLoss: () => this.#truth.lost(),
      startGateway: () => void this.#startGateway(),
      startWorker: () => void this.#startWorker(),
    });
    faults.schedule(Math.floor(this.#random.next() * FAULTS_MAX), TALK_MS);
  }

  #faultsNow(): CallFaults {
    return this.#clock.nowMs() < Date.UTC(2026, 10, 21) + TALK_MS ? this.#faults : NO_FAULTS;
  }

  /** Starts without faults: a pod whose start fails is started again by its supervisor, which is not simulated. */
  #process(role: string): Process {
    return new Process({ name: `${role}-${++this.#names}`, world: this.#clock, random: this.#random });
  }

  async #startGateway(): Promise<void> {
    const process = this.#process("gateway");
    const backends = this.#truth.over(memoryBackends(this.#store));
    const appender = {
      append: async (append: Append) => {
        const appended = await backends.appender.append(append);
        if (appended.outcome === "appended") this.#history.push(...append.events);
        return appended;
      },
    };
    const planted = this.#plant?.gateway?.(backends) ?? backends;
    const gateway = new SimGateway({
      process,
      world: this.#clock,
      random: this.#random,
      topology: TOPOLOGY,
      backends: { ...planted, appender },
      log,
      metrics,
      droppedPieces: () => this.#droppedPieces,
      onBegun: (frame) => this.#truth.begun(frame),
    });
    await this.#started(process, gateway.start());
    this.#gateways.push(gateway);
  }

  async #startWorker(): Promise<void> {
    const process = this.#process("worker");
    const start = startWorker({
      process,
      random: this.#random,
      topology: TOPOLOGY,
      backends: memoryBackends(this.#store),
      stores: this.#stores,
      log,
      metrics,
      around: (role) => this.#plant?.worker?.(role, this.#store) ?? role,
    });
    await this.#started(process, start);
    this.#workers.push(process);
  }

  /** Nothing runs but the clock: the start's calls need it to move on. */
  async #started(process: Process, start: Promise<void>): Promise<void> {
    let done = false;
    const ended = start.then(() => {
      done = true;
    });
    while (!done && this.#clock.nowMs() < Date.UTC(2026, 10, 21) + 400) await this.#clock.advance(10);
    await ended;
    process.become(this.#faultsNow());
  }

  #between(least: number, most: number): number {
    return least + this.#random.next() * (most - least);
  }

  #pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#random.next() * items.length)] as T;
  }
}
