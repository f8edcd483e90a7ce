import type { Lane } from "#common/contract/ids.ts";
import type { Keys } from "#common/contract/keys.ts";
import { laneCount, type Topology } from "#common/contract/lanes.ts";
import type { ParkedEntry, ParkedEvents, ParkedRef } from "#common/ports/parked-events.ts";
import type { Connection } from "./connection.ts";
import type { Scripts } from "./scripts.ts";

type Listed = [entry: string, id: string, reason: string, atMs: string, bot: string, channel: string];

export class RedisParkedEvents implements ParkedEvents {
  readonly #commands: Connection;
  readonly #scripts: Scripts;
  readonly #keys: Keys;
  readonly #lanes: readonly Lane[];

  constructor(redis: { commands: Connection; scripts: Scripts }, keys: Keys, topology: Topology) {
    this.#commands = redis.commands;
    this.#scripts = redis.scripts;
    this.#keys = keys;
    this.#lanes = Array.from({ length: laneCount(topology) }, (_, lane) => lane);
  }

  async list(limit: number): Promise<readonly ParkedEntry[]> {
    const lists = await Promise.all(
      this.#lanes.map(async (lane) => {
        const found = await this.#commands.run(this.#scripts["parked-list"], [this.#keys.parked(lane)], [limit]);
        return (found as Listed[]).map(([entry, id, reason, atMs, bot, channel]) => {
          return { lane, entry, id, reason, atMs: Number(atMs), bot, channel };
        });
      }),
    );
    return lists.flat();
  }

  async find({ lane, entry }: ParkedRef) {
    const found = await this.#commands.call("parked", (redis) => redis.xrange(this.#keys.parked(lane), entry, entry));
    const fields = found[0]?.[1];
    if (fields === undefined) return null;
    const field = (name: string) => fields[fields.indexOf(name) + 1] ?? "";
    return { id: field("id"), reason: field("reason"), event: field("event") };
  }

  async rerun({ lane, entry }: ParkedRef, event: string): Promise<boolean> {
    const names = [this.#keys.lane(lane), this.#keys.inbound(lane), this.#keys.parked(lane)];
    return (await this.#commands.run(this.#scripts["parked-rerun"], names, [entry, event])) === 1;
  }

  async drop({ lane, entry }: ParkedRef): Promise<boolean> {
    return (await this.#commands.call("drop", (redis) => redis.xdel(this.#keys.parked(lane), entry))) === 1;
  }
}
