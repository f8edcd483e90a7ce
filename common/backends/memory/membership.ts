import type { MemberId } from "#common/contract/ids.ts";
import { limits } from "#common/contract/limits.ts";
import type { Clock } from "#common/kernel/clock.ts";
import type { Membership, Role } from "#common/ports/membership.ts";

export class MemoryMembership implements Membership {
  readonly #clock: Clock;
  /** `<role> <member>` to when its life ends. */
  readonly #lives = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async join(role: Role, member: MemberId): Promise<void> {
    this.#lives.set(`${role} ${member}`, this.#clock.nowMs() + limits.lifeMs);
  }

  async renew(role: Role, member: MemberId): Promise<boolean> {
    this.#bury();
    if (!this.#lives.has(`${role} ${member}`)) return false;
    await this.join(role, member);
    return true;
  }

  async live(role: Role): Promise<readonly MemberId[]> {
    this.#bury();
    const names = [...this.#lives.keys()].filter((name) => name.startsWith(`${role} `));
    return names.map((name) => name.slice(role.length + 1)).sort();
  }

  async leave(role: Role, member: MemberId): Promise<void> {
    this.#lives.delete(`${role} ${member}`);
  }

  #bury(): void {
    const nowMs = this.#clock.nowMs();
    for (const [name, untilMs] of this.#lives) if (untilMs <= nowMs) this.#lives.delete(name);
  }
}
