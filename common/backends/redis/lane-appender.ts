import type { Keys } from "#common/contract/keys.ts";
import { limits } from "#common/contract/limits.ts";
import { MoaError } from "#common/kernel/errors.ts";
import type { Append, LaneAppender } from "#common/ports/lane-log.ts";
import type { Connection } from "./connection.ts";
import type { Scripts } from "./scripts.ts";

export class RedisLaneAppender implements LaneAppender {
  readonly #commands: Connection;
  readonly #scripts: Scripts;
  readonly #keys: Keys;
  readonly #backlogMax: number;

  constructor(redis: { commands: Connection; scripts: Scripts }, keys: Keys, laneBacklogMax: number) {
    this.#commands = redis.commands;
    this.#scripts = redis.scripts;
    this.#keys = keys;
    this.#backlogMax = laneBacklogMax;
  }

  async append({ lane, by, number, events }: Append): Promise<"appended" | "repeated"> {
    const result = await this.#commands.run(
      this.#scripts["lane-append"],
      [this.#keys.lane(lane), this.#keys.inbound(lane)],
      [by, number, events.length, this.#backlogMax, events.join("\n"), limits.appendedAgainMsMax],
    );
    if (result === -1) throw new MoaError("lane_full", `lane ${lane} has ${this.#backlogMax} unhandled events`);
    return result === 1 ? "appended" : "repeated";
  }
}
