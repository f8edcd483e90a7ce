import type { Keys } from "#common/contract/keys.ts";
import type { Topology } from "#common/contract/lanes.ts";
import { limits } from "#common/contract/limits.ts";
import type { Clock } from "#common/kernel/clock.ts";
import { MoaError } from "#common/kernel/errors.ts";
import type { Random } from "#common/kernel/random.ts";
import type { Append, Appended, LaneAppender } from "#common/ports/lane-log.ts";
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

const LOST = -2;
type Reply = readonly [code: number, at: number];

/** No answer of Redis: it was not asked. */
const UNWANTED: Reply = [-3, 0];

export class RedisLaneAppender implements LaneAppender {
  readonly #options: LaneAppenderOptions;
  readonly #calls: ShardCalls<Append, Reply>;

  constructor(options: LaneAppenderOptions) {
    this.#options = options;
    this.#calls = new ShardCalls({ ...options, gapMs: limits.appendGapMs, send: (appends) => this.#send(appends) });
  }

  async append(append: Append): Promise<Appended> {
    const bytes = append.events.reduce((sum, event) => sum + event.length, 0);
    const reply = await this.#calls.call(append, bytes);
    const [code, at] = reply;
    if (code >= 0) return { outcome: code === 1 ? "appended" : "repeated", at };
    if (code === LOST) return { outcome: "lost" };
    if (reply === UNWANTED) throw new MoaError("deadline_passed", "an append was not wanted any more when it left");
    throw new MoaError("lane_full", `lane ${append.lane} has ${this.#options.laneBacklogMax} unhandled events`);
  }

  async #send(appends: readonly Append[]): Promise<readonly Reply[]> {
    const wanted = appends.filter(isWanted);
    if (wanted.length === appends.length) return this.#run(appends);
    const results = wanted.length > 0 ? await this.#run(wanted) : [];
    let next = 0;
    return appends.map((append) => (append === wanted[next] ? (results[next++] as Reply) : UNWANTED));
  }

  async #run(appends: readonly Append[]): Promise<readonly Reply[]> {
    const { commands, scripts, keys, laneBacklogMax } = this.#options;
    const names = appends.flatMap(({ lane }) => [keys.lane(lane), keys.inbound(lane)]);
    // As bytes: of a text ioredis would make two more copies, of two bytes a character.
    const each = appends.flatMap(({ by, number, after, events }) => [
      by,
      number,
      after?.by ?? "",
      after?.number ?? 0,
      events.length,
      Buffer.from(events.join("\n")),
    ]);
    const args = [laneBacklogMax, limits.appendedAgainMsMax, ...each];
    const replies = (await commands.run(scripts["lane-append"], names, args)) as number[];
    return appends.map((_, i) => [replies[2 * i] as number, replies[2 * i + 1] as number]);
  }
}

function isWanted(append: Append): boolean {
  return append.isWanted?.() ?? true;
}
