/**
 * Life: proof that this incarnation of a pod has not been declared dead. A key in the store is renewed; only a renewal
 * that the store granted counts, and it counts from when it was SENT, by the larger of the monotonic and the wall clock
 * (a suspended machine stops the first, a set clock moves the second).
 *
 *   joining ──joined──> alive ──renewal refused (key gone), or renounced──> joining, with a new incarnation
 *                         └── no answer: stays, `valid` turns false when the last grant has run out
 *
 * Who finds `valid` false must begin nothing that others would take for a live pod's deed.
 */
import { type Clock, pause } from "./clock.ts";
import type { Random } from "./random.ts";

/** Where lives are kept. The role is one of its own words. */
export interface LifeRoll<Role extends string> {
  join(role: Role, member: string): Promise<void>;
  /** False: the key was gone. Rejects when the store did not answer. */
  renew(role: Role, member: string): Promise<boolean>;
  leave(role: Role, member: string): Promise<void>;
}

export interface LifeOptions<Role extends string> {
  readonly podName: string;
  readonly role: Role;
  readonly roll: LifeRoll<Role>;
  readonly clock: Clock;
  readonly random: Random;
  readonly lifeMs: number;
  readonly marginMs: number;
  readonly renewEveryMs: number;
  /** The former incarnation was or may be declared dead; `member` is the new one, already joined. */
  onReborn(member: string): void;
  /** Granted with so much of the life left; below 0 it had ended already. */
  onRenewed(leftMs: number): void;
  onError(error: unknown): void;
}

export class Life<Role extends string> {
  readonly #options: LifeOptions<Role>;
  readonly #stop = new AbortController();
  #member: string;
  #grantedWallMs = Number.NEGATIVE_INFINITY;
  #grantedMonotonicMs = Number.NEGATIVE_INFINITY;
  #hurry = new AbortController();
  #isRenounced = false;
  #loop: Promise<void> = Promise.resolve();

  constructor(options: LifeOptions<Role>) {
    this.#options = options;
    this.#member = this.#newMember();
  }

  /** `<pod>.<random>`: unique over restarts. */
  get member(): string {
    return this.#member;
  }

  get valid(): boolean {
    return !this.#isRenounced && this.#leftMs > 0;
  }

  get #leftMs(): number {
    const { clock, lifeMs, marginMs } = this.#options;
    const elapsed = Math.max(clock.nowMs() - this.#grantedWallMs, clock.monotonicMs() - this.#grantedMonotonicMs);
    return lifeMs - marginMs - elapsed;
  }

  /** Joins, then renews until stopped. Rejects when the first join fails. */
  async start(): Promise<void> {
    const { roll, role } = this.#options;
    await this.#granted(this.#member, () => roll.join(role, this.#member));
    this.#loop = this.#renewForEver();
  }

  /**
   * What the store knows of this incarnation may be wrong: it begins nothing from now on, and another takes its place.
   * Others may take it for dead at once.
   */
  renounce(): void {
    this.#isRenounced = true;
    this.#hurry.abort();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#hurry.abort();
    await this.#loop;
    await this.#options.roll.leave(this.#options.role, this.#member);
  }

  async #renewForEver(): Promise<void> {
    const { clock, renewEveryMs, roll, role, onError } = this.#options;
    for (;;) {
      await pause(clock, renewEveryMs, this.#hurry.signal);
      if (this.#stop.signal.aborted) return;
      this.#hurry = new AbortController();
      try {
        if (this.#isRenounced) await this.#replace();
        else if (!(await this.#granted(this.#member, () => roll.renew(role, this.#member)))) await this.#rejoin();
      } catch (error) {
        onError(error);
      }
    }
  }

  async #replace(): Promise<void> {
    const { roll, role } = this.#options;
    await roll.leave(role, this.#member);
    await this.#rejoin();
  }

  async #rejoin(): Promise<void> {
    const member = this.#newMember();
    const { roll, role } = this.#options;
    await this.#granted(member, () => roll.join(role, member));
    this.#options.onReborn(member);
  }

  /** `valid` never speaks for another incarnation than `member` names, not for a moment. */
  async #granted<T>(member: string, call: () => Promise<T>): Promise<T> {
    const wallMs = this.#options.clock.nowMs();
    const monotonicMs = this.#options.clock.monotonicMs();
    const result = await call();
    if (result !== false) {
      if (member === this.#member && this.#grantedWallMs > 0) this.#options.onRenewed(this.#leftMs);
      if (member !== this.#member) this.#isRenounced = false;
      this.#member = member;
      this.#grantedWallMs = wallMs;
      this.#grantedMonotonicMs = monotonicMs;
    }
    return result;
  }

  #newMember(): string {
    return `${this.#options.podName}.${this.#options.random.hex(4)}`;
  }
}
