/**
 * Per bot a hash of what is held, per tag a sorted set of when: the backlog over all bots, which is asked for all the
 * time, costs two small commands per tag, however many bots there are.
 */
import { decodeAction } from "#common/contract/codec.ts";
import type { BotName } from "#common/contract/ids.ts";
import type { Keys } from "#common/contract/keys.ts";
import { type Topology, tagOf } from "#common/contract/lanes.ts";
import { limits } from "#common/contract/limits.ts";
import type { Clock } from "#common/kernel/clock.ts";
import type { Random } from "#common/kernel/random.ts";
import type { HeldAction, HeldActions } from "#common/ports/held-actions.ts";
import type { Connection } from "./connection.ts";
import type { Scripts } from "./scripts.ts";

export interface HeldActionsOptions {
  readonly commands: Connection;
  readonly scripts: Scripts;
  readonly keys: Keys;
  readonly topology: Topology;
  readonly clock: Clock;
  readonly random: Random;
}

export class RedisHeldActions implements HeldActions {
  readonly #options: HeldActionsOptions;

  constructor(options: HeldActionsOptions) {
    this.#options = options;
  }

  async hold({ bot, id, heldAt, action }: HeldAction): Promise<"held" | "full"> {
    const { commands, scripts } = this.#options;
    const args = [id, heldAt, `${heldAt}\t${action}`, ageName(bot, id), limits.heldPerBotMax];
    return (await commands.run(scripts["held-hold"], this.#keysOf(bot), args)) === 1 ? "held" : "full";
  }

  async list(bot: BotName): Promise<readonly HeldAction[]> {
    const { commands, keys } = this.#options;
    const found = await commands.call("held", (redis) => redis.hgetall(keys.held(bot)));
    const held = Object.entries(found).map(([id, text]) => {
      const tab = text.indexOf("\t");
      return { bot, id, heldAt: Number(text.slice(0, tab)), action: text.slice(tab + 1) };
    });
    return held.sort((a, b) => a.heldAt - b.heldAt);
  }

  async resend(bot: BotName, id: string, action: string): Promise<boolean> {
    const { commands, scripts, keys, topology, random } = this.#options;
    const { deadline } = decodeAction(action);
    const names = [...this.#keysOf(bot), keys.outboxMeta(bot), keys.outbox(bot), keys.channel(bot)];
    const dirty = keys.dirty(tagOf(topology, bot), "");
    const args = [id, ageName(bot, id), action, deadline, random.hex(6), bot, dirty, limits.dirtyMarksMs];
    return (await commands.run(scripts["held-resend"], names, args)) === 1;
  }

  async discard(bot: BotName, id: string): Promise<boolean> {
    const { commands, scripts } = this.#options;
    return (await commands.run(scripts["held-discard"], this.#keysOf(bot), [id, ageName(bot, id)])) === 1;
  }

  async backlog(): Promise<{ readonly count: number; readonly oldestMs: number }> {
    const { commands, keys, topology, clock } = this.#options;
    const found = await commands.call("backlog", (redis) =>
      Promise.all(
        Array.from({ length: topology.tags }, async (_, tag) => {
          const key = keys.heldAges(tag);
          const [count, oldest] = await Promise.all([redis.zcard(key), redis.zrange(key, 0, "0", "WITHSCORES")]);
          return { count, heldAt: Number(oldest[1] ?? Number.POSITIVE_INFINITY) };
        }),
      ),
    );
    const oldest = Math.min(...found.map(({ heldAt }) => heldAt));
    const count = found.reduce((sum, some) => sum + some.count, 0);
    return { count, oldestMs: count === 0 ? 0 : Math.max(0, clock.nowMs() - oldest) };
  }

  #keysOf(bot: BotName): readonly string[] {
    const { keys, topology } = this.#options;
    return [keys.held(bot), keys.heldAges(tagOf(topology, bot))];
  }
}

function ageName(bot: BotName, id: string): string {
  return `${bot}\t${id}`;
}
