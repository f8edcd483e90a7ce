/** What goes wrong in a run, by seed: one fault at a moment, each of something that stands at that moment. */
import type { MemoryStore } from "#common/backends/memory/backends.ts";
import type { Random } from "#common/kernel/random.ts";
import type { Log } from "#common/observe/logger.ts";
import type { FakeClock } from "#test/fixtures/fake-clock.ts";
import type { SimGateway } from "./gateway.ts";
import type { Hole } from "./link.ts";
import type { SimPhone } from "./phone.ts";
import type { Process } from "./process.ts";

export interface Scene {
  readonly clock: FakeClock;
  readonly random: Random;
  readonly store: MemoryStore;
  readonly log: Log;
  readonly bots: readonly string[];
  readonly phones: readonly SimPhone[];
  gateways(): readonly SimGateway[];
  workers(): readonly Process[];
  startGateway(): void;
  startWorker(): void;
  /** The store forgets. */
  onLoss(): void;
}

const AGAIN_MS = 1_000;

export class Faults {
  readonly #scene: Scene;
  /** Each as often as it stands here. */
  readonly #all: readonly (() => void)[];

  constructor(scene: Scene) {
    this.#scene = scene;
    const workers = [() => this.#killWorker(), () => this.#stopWorker()];
    const gateways = [
      () => this.#killGateway(),
      () => this.#stopGateway(),
      () => this.#stopGateway(),
      () => this.#cutOffGateway(),
      () => this.#isolateGateway(),
      () => this.#shutDownGateway(),
    ];
    const phones = [() => this.#freezePhone(), () => this.#hangUp(), () => this.#blackHole(), () => this.#blackHole()];
    // What was lost is offered again by who offered it: no promise outlives both.
    const stores = scene.random.next() < 0.3 ? [() => this.#loseNewest(), () => this.#stopWorker()] : workers;
    this.#all = [...stores, ...gateways, ...phones, () => void this.#failover(), () => void this.#pause()];
  }

  schedule(most: number, withinMs: number): void {
    const { clock, random, gateways, workers } = this.#scene;
    for (let n = 0; n < most; n++) {
      const fault = this.#pick(this.#all);
      clock.after(random.next() * withinMs, () => {
        if (gateways().length > 0 && workers().length > 0) fault();
      });
    }
  }

  #killWorker(): void {
    const worker = this.#pick(this.#scene.workers());
    this.#say("killed", worker.name);
    worker.kill();
    this.#scene.clock.after(AGAIN_MS, () => this.#scene.startWorker());
  }

  /** Long enough, now and then, to be taken for dead and to wake up beside its successor. */
  #stopWorker(): void {
    this.#stop(this.#pick(this.#scene.workers()));
  }

  #killGateway(): void {
    const gateway = this.#pick(this.#scene.gateways());
    this.#say("killed", gateway.process.name);
    gateway.kill();
    this.#scene.clock.after(AGAIN_MS, () => this.#scene.startGateway());
  }

  /** It wakes up beside those who took over, with its sockets as they were. */
  #stopGateway(): void {
    this.#stop(this.#pick(this.#scene.gateways()).process);
  }

  #stop(process: Process): void {
    const ms = this.#between(500, 7_500);
    this.#say("stopped", process.name, ms);
    process.pause();
    this.#scene.clock.after(ms, () => process.resume());
  }

  /** For whoever replays a seed. */
  #say(fault: string, what: string, ms?: number): void {
    this.#scene.log.info({ at: this.#scene.clock.nowMs(), what, ms }, fault);
  }

  #cutOffGateway(): void {
    const gateway = this.#pick(this.#scene.gateways());
    const ms = this.#between(500, 7_500);
    this.#say("cut off", gateway.process.name, ms);
    gateway.cutOff(ms);
  }

  /** Its node hears nothing, of phones or of the store: the phones are elsewhere when it is back. */
  #isolateGateway(): void {
    const gateway = this.#pick(this.#scene.gateways());
    const ms = this.#between(6_000, 12_000);
    this.#say("isolated", gateway.process.name, ms);
    gateway.cutOff(ms);
    for (const phone of this.#scene.phones) if (phone.gateway === gateway) phone.blackHole("both");
  }

  /** As a rolling deploy does: the next one is there already. */
  #shutDownGateway(): void {
    const gateway = this.#pick(this.#scene.gateways());
    if (!gateway.isListening) return;
    this.#say("shut down", gateway.process.name);
    this.#scene.startGateway();
    this.#scene.clock.after(AGAIN_MS, () => void gateway.shutDown());
  }

  /** Some beyond the end of the run, if the bot has another phone. */
  #freezePhone(): void {
    const { phones, random } = this.#scene;
    const phone = this.#pick(phones);
    const isSpare =
      phones.find(({ bot }) => bot === phone.bot) === phone &&
      phones.some((other) => other.bot === phone.bot && other !== phone);
    const ms = isSpare && random.next() < 0.3 ? 60_000 : this.#between(1_000, 12_000);
    this.#say("frozen", phone.name, ms);
    phone.freeze(ms);
  }

  #hangUp(): void {
    const phone = this.#pick(this.#scene.phones);
    this.#say("hung up", phone.name);
    phone.hangUp();
  }

  #blackHole(): void {
    const phone = this.#pick(this.#scene.phones);
    const hole = this.#pick<Hole>(["up", "down", "both"]);
    this.#say(`black hole ${hole}`, phone.name);
    phone.blackHole(hole);
  }

  /**
   * A replica takes over that has not the newest of the outboxes, writers and held actions. Pods lose their connections,
   * and are told before the next one is of use.
   */
  #loseNewest(): void {
    const { store, bots, clock, random, gateways, workers, onLoss } = this.#scene;
    const ms = this.#between(50, 1_000);
    const remembered = bots.map((bot) => structuredClone(store.bots.of(bot)));
    clock.after(ms, () => {
      this.#say("lost", "the store", ms);
      onLoss();
      for (const [i, bot] of bots.entries()) Object.assign(store.bots.of(bot), remembered[i]);
      store.bots.dirty.clear();
      const tags = Array.from({ length: store.reach.tags }, (_, tag) => tag);
      const told = (process: Process, mend: () => void) => {
        process.setCutOff(true);
        clock.after(random.next() * 500, () =>
          process.whenRunning(() => {
            process.lost(tags);
            mend();
          }),
        );
      };
      for (const worker of workers()) told(worker, () => worker.setCutOff(false));
      for (const gateway of gateways()) told(gateway.process, () => gateway.mend());
    });
  }

  async #failover(): Promise<void> {
    const { store, bots, random } = this.#scene;
    const bot = this.#pick(bots);
    const { holder, candidates } = await store.writers.look(bot);
    if (holder === null) return;
    this.#say("failover", bot);
    const to = random.next() < 0.5 ? null : this.#pick(candidates).connection;
    await store.writers.ask(bot, { kind: "failover", epoch: holder.epoch, to });
  }

  async #pause(): Promise<void> {
    const { store, bots, clock } = this.#scene;
    const bot = this.#pick(bots);
    const ms = this.#between(500, 5_000);
    this.#say("paused", bot, ms);
    await store.writers.ask(bot, { kind: "paused", paused: true });
    clock.after(ms, () => void store.writers.ask(bot, { kind: "paused", paused: false }));
  }

  #between(least: number, most: number): number {
    return least + this.#scene.random.next() * (most - least);
  }

  #pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#scene.random.next() * items.length)] as T;
  }
}
