import type { Lane } from "#common/contract/ids.ts";
import type { Keys } from "#common/contract/keys.ts";
import { laneCount, type Topology } from "#common/contract/lanes.ts";
import type { LaneBalance, LaneBalances } from "#common/ports/lane-log.ts";
import type { Connection } from "./connection.ts";
import type { Scripts } from "./scripts.ts";

export class RedisLaneBalances implements LaneBalances {
  readonly #redis: { commands: Connection; scripts: Scripts };
  readonly #keys: Keys;
  readonly #topology: Topology;

  constructor(redis: { commands: Connection; scripts: Scripts }, keys: Keys, topology: Topology) {
    this.#redis = redis;
    this.#keys = keys;
    this.#topology = topology;
  }

  balances(): Promise<readonly LaneBalance[]> {
    return Promise.all(Array.from({ length: laneCount(this.#topology) }, (_, lane) => this.#balance(lane)));
  }

  async #balance(lane: Lane): Promise<LaneBalance> {
    const keys = [this.#keys.lane(lane), this.#keys.inbound(lane), this.#keys.parked(lane)];
    const found = (await this.#redis.commands.run(this.#redis.scripts["lane-balance"], keys, [])) as number[];
    const [appended = 0, handled = 0, duplicate = 0, refused = 0, parked = 0, expired = 0, entries = 0] = found;
    const [oldestMs = 0, parkedKept = 0] = found.slice(7);
    return {
      lane,
      appended,
      done: { handled, duplicate, refused, parked, expired },
      oldestMs,
      entries,
      parked: parkedKept,
    };
  }
}
