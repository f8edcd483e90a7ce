import type { Keys } from "#common/contract/keys.ts";
import type { Topology } from "#common/contract/lanes.ts";
import { limits } from "#common/contract/limits.ts";
import type { Clock } from "#common/kernel/clock.ts";
import { MoaError } from "#common/kernel/errors.ts";
import type { Random } from "#common/kernel/random.ts";
import type { Append, LaneAppender } from "#common/ports/lane-log.ts";
import type { Connection } from "./connection.ts";
import type { Scripts } from "./scripts.ts";
import { ShardCalls } from "./shard-calls.ts";

export interface LaneAppenderOptions {
  readonly commands: Connection;
  readonly scripts: Scripts;
  readonly keys: Keys;
  readonly reach: Topology;
  readonly laneBacklogMax: number;
  readonly clock: Clock;
  readonly random: Random;
}

export class RedisLaneAppender implements LaneAppender {
  readonly #options: LaneAppenderOptions;
  readonly #calls: ShardCalls<Append, number>;

  constructor(options: LaneAppenderOptions) {
    this.#options = options;
    this.#calls = new ShardCalls({ ...options, gapMs: limits.appendGapMs, send: (appends) => this.#send(appends) });
  }

  async append(append: Append): Promise<"appended" | "repeated"> {
    const bytes = append.events.reduce((sum, event) => sum + event.length, 0);
    const result = await this.#calls.call(append, bytes);
    if (result !== -1) return result === 1 ? "appended" : "repeated";
    throw new MoaError("lane_full", `lane ${append.lane} has ${this.#options.laneBacklogMax} unhandled events`);
  }

  async #send(appends: readonly Append[]): Promise<readonly number[]> {
    const { commands, scripts, keys, laneBacklogMax } = this.#options;
    const names = appends.flatMap(({ lane }) => [keys.lane(lane), keys.inbound(lane)]);
    // As bytes: of a text ioredis would make two more copies, of two bytes a character.
    const each = appends.flatMap(({ by, number, events }) => [
      by,
      number,
      events.length,
      Buffer.from(events.join("\n")),
    ]);
    const args = [laneBacklogMax, limits.appendedAgainMsMax, ...each];
    return (await commands.run(scripts["lane-append"], names, args)) as number[];
  }
}
