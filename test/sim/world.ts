/**
 * The whole system in one process, by seed: gateways, workers and phones of the product over the memory twins and a fake
 * clock, with faults; then calm, until nothing moves; then the promises of ARCHITECTURE.md are checked.
 *
 *   0 s ─── talk and faults ─── 8 s ─── calm: everything is alive again ─── 40 s ─── check
 *
 * Faults by seed: calls lost on the way there or back, slow calls, published pieces dropped or late (also the last one
 * of all), workers killed, workers stopped and woken, gateways killed, phones hanging up, the whole tail of publishes
 * lost.
 */
import { pino } from "pino";
import { type MemoryStore, memoryBackends, memoryStore } from "#common/backends/memory/backends.ts";
import { type Random, seededRandom } from "#common/kernel/random.ts";
import { createMetrics } from "#common/observe/metrics.ts";
import type { Append } from "#common/ports/lane-log.ts";
import { FakeClock } from "#test/fixtures/fake-clock.ts";
import { broken, type Told } from "./checks.ts";
import { SimGateway } from "./gateway.ts";
import { SimPhone } from "./phone.ts";
import type { Plant } from "./plants.ts";
import { type CallFaults, NO_FAULTS, Process } from "./process.ts";
import { MemoryStores } from "./stores.ts";
import { startWorker } from "./worker.ts";

const TOPOLOGY = { shards: 1, lanesPerShard: 4, tags: 2 };
const BOTS = ["b1", "b2", "b3"];
const ROOMS = ["1", "2"];
const TALK_MS = 8_000;
const CALM_MS = 32_000;
const LINES = 48;

const log = pino({ level: process.env.SIM_LOG ?? "silent" });
/** One for all runs: making the handles is dearer than a run, and no check looks at them. */
const { metrics } = createMetrics(false);

export class World {
  readonly #clock = new FakeClock();
  readonly #random: Random;
  readonly #store: MemoryStore;
  readonly #stores = new MemoryStores();
  readonly #faults: CallFaults;
  readonly #plant: Plant | undefined;
  readonly #phones: readonly SimPhone[];
  readonly #gateways: SimGateway[] = [];
  readonly #workers: Process[] = [];
  /** Every event that a lane took, in order: the append history. */
  readonly #history: string[] = [];
  readonly #told: Told[] = [];
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
    this.#phones = BOTS.map((bot) => new SimPhone({ bot, clock: this.#clock, random, gateways: () => this.#gateways }));
  }

  /** What promise was broken, in words; empty when all were kept. */
  async run(): Promise<readonly string[]> {
    for (let i = 0; i < 2; i++) await this.#startGateway();
    for (let i = 0; i < 3; i++) await this.#startWorker();
    for (const phone of this.#phones) phone.connect();
    this.#scheduleTalk();
    this.#scheduleFaults();
    await this.#clock.advance(TALK_MS);
    this.#droppedPieces = 0;
    for (const process of this.#processes()) process.calm();
    await this.#clock.advance(CALM_MS);
    return broken({
      told: this.#told,
      history: this.#history,
      balances: await this.#store.lanes.balances(),
      shown: new Map(this.#phones.map((phone) => [phone.bot, phone.shown])),
      rows: this.#stores.rows,
      effects: this.#stores.effects,
      openOutboxRows: this.#stores.openOutboxRows,
    });
  }

  #processes(): readonly Process[] {
    return [...this.#workers, ...this.#gateways.map(({ process }) => process)];
  }

  #scheduleTalk(): void {
    for (let n = 0; n < LINES; n++) {
      this.#clock.after(500 + this.#random.next() * (TALK_MS - 500), () => {
        const phone = this.#pick(this.#phones);
        const room = this.#pick(ROOMS);
        const kind = this.#pick(["echo", "book", "talk"] as const);
        const text = kind === "talk" ? `line ${n}` : `# ${kind} line ${n}`;
        if (phone.say(room, text)) this.#told.push({ bot: phone.bot, room, kind, name: `line ${n}`, text });
      });
    }
  }

  #scheduleFaults(): void {
    const most = Math.floor(this.#random.next() * 5);
    for (let n = 0; n < most; n++) {
      this.#clock.after(this.#random.next() * TALK_MS, () => {
        const fault = this.#random.next();
        if (fault < 0.35) this.#killWorker();
        else if (fault < 0.7) this.#stopWorker();
        else if (fault < 0.85) this.#killGateway();
        else this.#pick(this.#phones).hangUp();
      });
    }
  }

  #killWorker(): void {
    this.#pick(this.#workers).kill();
    this.#clock.after(1_000, () => void this.#startWorker());
  }

  /** Long enough, now and then, to be taken for dead and to wake up beside its successor. */
  #stopWorker(): void {
    const worker = this.#pick(this.#workers);
    worker.pause();
    this.#clock.after(500 + this.#random.next() * 7_000, () => worker.resume());
  }

  #killGateway(): void {
    this.#pick(this.#gateways).kill();
    this.#clock.after(1_000, () => void this.#startGateway());
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
    const backends = memoryBackends(this.#store);
    const appender = {
      append: async (append: Append) => {
        const outcome = await backends.appender.append(append);
        if (outcome === "appended") this.#history.push(...append.events);
        return outcome;
      },
    };
    const planted = this.#plant?.gateway(backends) ?? backends;
    const gateway = new SimGateway({
      process,
      world: this.#clock,
      random: this.#random,
      topology: TOPOLOGY,
      backends: { ...planted, appender },
      log,
      metrics,
      droppedPieces: () => this.#droppedPieces,
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
      around: (role) => this.#plant?.worker(role, this.#store) ?? role,
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

  #pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#random.next() * items.length)] as T;
  }
}
