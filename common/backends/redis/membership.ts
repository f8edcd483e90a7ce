import type { MemberId } from "#common/contract/ids.ts";
import type { Keys } from "#common/contract/keys.ts";
import { limits } from "#common/contract/limits.ts";
import type { Membership, Role } from "#common/ports/membership.ts";
import type { Connection } from "./connection.ts";
import type { Scripts } from "./scripts.ts";

export class RedisMembership implements Membership {
  readonly #commands: Connection;
  readonly #scripts: Scripts;
  readonly #keys: Keys;

  constructor(redis: { commands: Connection; scripts: Scripts }, keys: Keys) {
    this.#commands = redis.commands;
    this.#scripts = redis.scripts;
    this.#keys = keys;
  }

  async join(role: Role, member: MemberId): Promise<void> {
    const names = [this.#keys.life(role, member), this.#keys.members(role)];
    await this.#commands.run(this.#scripts["member-join"], names, [member, limits.lifeMs]);
  }

  async renew(role: Role, member: MemberId): Promise<boolean> {
    const names = [this.#keys.life(role, member), this.#keys.members(role)];
    return (await this.#commands.run(this.#scripts["member-renew"], names, [member, limits.lifeMs])) === 1;
  }

  live(role: Role): Promise<readonly MemberId[]> {
    return this.#commands.call("members", async (redis) => {
      const members = await redis.smembers(this.#keys.members(role));
      if (members.length === 0) return [];
      const lives = await redis.mget(members.map((member) => this.#keys.life(role, member)));
      const dead = members.filter((_, i) => lives[i] === null);
      // A life that ended never begins again under its name, so that dropping it takes nobody who came back.
      if (dead.length > 0) await redis.srem(this.#keys.members(role), dead);
      return members.filter((_, i) => lives[i] !== null).sort();
    });
  }

  leave(role: Role, member: MemberId): Promise<void> {
    return this.#commands.call("leave", async (redis) => {
      await Promise.all([redis.del(this.#keys.life(role, member)), redis.srem(this.#keys.members(role), member)]);
    });
  }
}
