/**
 * A simulated process: its own view of time and of the stores, which can be cut.
 *
 *   running ──pause──> paused ──resume──> running        what fell due meanwhile happens at the waking, in order
 *      └──────kill──────┴──> dead                        nothing it started is ever heard of again
 *
 * A call to a store takes a while each way. By seed it is lost on the way there (rejected, not applied) or on the way
 * back (applied, then rejected): the caller cannot tell which. Calls in flight at a kill are applied or not, by seed.
 * While it is cut off no call gets there, and none that was made before comes back.
 */
import type { LossOfReach } from "#common/backends/backends.ts";
import type { Clock } from "#common/kernel/clock.ts";
import { MoaError } from "#common/kernel/errors.ts";
import type { Random } from "#common/kernel/random.ts";
import type { FakeClock } from "#test/fixtures/fake-clock.ts";

export interface CallFaults {
  /** Probability of a call being lost on the way there, and on the way back. */
  readonly lostRequest: number;
  readonly lostReply: number;
  /** Probability of a call taking up to a second instead of up to 3 ms each way. */
  readonly slow: number;
}

export const NO_FAULTS: CallFaults = { lostRequest: 0, lostReply: 0, slow: 0 };

export class Process {
  readonly name: string;
  readonly clock: Clock;
  readonly #world: FakeClock;
  readonly #random: Random;
  #faults = NO_FAULTS;
  #state: "running" | "paused" | "dead" = "running";
  #held: (() => void)[] = [];
  #isCutOff = false;
  /** Its connections so far: none survives a cut. */
  #connections = 1;
  readonly #onLoss = new Set<LossOfReach>();

  constructor(options: { name: string; world: FakeClock; random: Random }) {
    this.name = options.name;
    this.#world = options.world;
    this.#random = options.random;
    this.clock = {
      nowMs: () => this.#world.nowMs(),
      monotonicMs: () => this.#world.monotonicMs(),
      after: (ms, then) => this.#after(ms, then),
    };
  }

  get alive(): boolean {
    return this.#state !== "dead";
  }

  kill(): void {
    this.#state = "dead";
    this.#held = [];
  }

  pause(): void {
    if (this.#state === "running") this.#state = "paused";
  }

  resume(): void {
    if (this.#state !== "paused") return;
    this.#state = "running";
    const held = this.#held;
    this.#held = [];
    for (const run of held) run();
  }

  get isCutOff(): boolean {
    return this.#isCutOff;
  }

  setCutOff(cutOff: boolean): void {
    this.#isCutOff = cutOff;
    if (cutOff) this.#connections++;
  }

  onLoss(listener: LossOfReach): void {
    this.#onLoss.add(listener);
  }

  /** The store may have lost what it acknowledged for these tags. */
  lost(tags: readonly number[]): void {
    for (const listener of this.#onLoss) listener([], tags);
  }

  become(faults: CallFaults): void {
    this.#faults = faults;
  }

  /** No fault begins from here on: the end of a run, where all must come right. */
  calm(): void {
    this.become(NO_FAULTS);
    this.resume();
  }

  /** Runs now, at the waking, or never. */
  whenRunning(run: () => void): void {
    if (this.#state === "running") run();
    else if (this.#state === "paused") this.#held.push(run);
  }

  /** The same port, reached over a network that this process's faults act on. */
  over<Port extends object>(port: Port): Port {
    return new Proxy(port, {
      get: (target, name) => {
        const method = Reflect.get(target, name);
        if (typeof method !== "function") return method;
        return (...args: unknown[]) => this.call(() => Reflect.apply(method, target, args) as Promise<unknown>);
      },
    });
  }

  call<T>(apply: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const lost = this.#random.next();
      const unavailable = () => reject(new MoaError("redis_unavailable", "simulated"));
      const { lostRequest, lostReply } = this.#faults;
      const connection = this.#connections;
      const isLost = (share: number) => lost < share || this.#isCutOff || connection !== this.#connections;
      const back = (settle: () => void) => this.#world.after(this.#latencyMs(), () => this.whenRunning(settle));
      this.#world.after(this.#latencyMs(), () => {
        if (isLost(lostRequest)) {
          back(unavailable);
          return;
        }
        apply().then(
          (value) => back(() => (isLost(lostRequest + lostReply) ? unavailable() : resolve(value))),
          (error) => back(() => reject(error)),
        );
      });
    });
  }

  #latencyMs(): number {
    return this.#random.next() * (this.#random.next() < this.#faults.slow ? 1_000 : 3);
  }

  #after(ms: number, then: () => void): () => void {
    let cancelled = false;
    const cancel = this.#world.after(ms, () => this.whenRunning(() => cancelled || then()));
    return () => {
      cancelled = true;
      cancel();
    };
  }
}
