import type { BotName, MemberId } from "#common/contract/ids.ts";
import type { Keys } from "#common/contract/keys.ts";
import type { Topology } from "#common/contract/lanes.ts";
import { limits } from "#common/contract/limits.ts";
import type { Confirmation, OutboxHead, OutboxRead, OutboxReader } from "#common/ports/outbox.ts";
import type { Connection } from "./connection.ts";
import type { Scripts } from "./scripts.ts";

const DIRTY_MAX = 1_000;

export interface OutboxReaderOptions {
  readonly commands: Connection;
  readonly scripts: Scripts;
  readonly keys: Keys;
  readonly topology: Topology;
}

export class RedisOutboxReader implements OutboxReader {
  readonly #options: OutboxReaderOptions;

  constructor(options: OutboxReaderOptions) {
    this.#options = options;
  }

  async read(bot: BotName, fromSequence: number): Promise<OutboxRead> {
    const { commands, scripts, keys } = this.#options;
    const names = [keys.outboxMeta(bot), keys.outbox(bot)];
    const piece = await commands.run(scripts["outbox-read"], names, [fromSequence, limits.outboxReadMax]);
    const [generation, epoch, firstSequence, ...entries] = piece as [string, string, number, ...string[]];
    const actions: string[] = [];
    for (let i = 0; i < entries.length; i += 2) {
      const ofEntry = (entries[i + 1] as string).split("\n");
      const last = Number.parseInt(entries[i] as string, 10);
      actions.push(...ofEntry.slice(Math.max(0, firstSequence - (last - ofEntry.length + 1))));
    }
    return { generation, epoch: Number(epoch), firstSequence, actions: actions.slice(0, limits.outboxReadMax) };
  }

  async confirm(confirmations: readonly Confirmation[]): Promise<readonly boolean[]> {
    if (confirmations.length === 0) return [];
    const { commands, scripts, keys } = this.#options;
    const outcomes = await commands.run(
      scripts["outbox-confirm"],
      confirmations.flatMap(({ bot }) => [keys.outboxMeta(bot), keys.outbox(bot)]),
      confirmations.flatMap(({ epoch, id, generation, upTo }) => [epoch, id, generation, upTo]),
    );
    return (outcomes as number[]).map((outcome) => outcome === 1);
  }

  /** When this rejects, marks may have been taken and lost with the reply: the caller then looks at every bot it has. */
  async takeDirty(member: MemberId): Promise<readonly BotName[]> {
    const { commands, keys, topology } = this.#options;
    const each = Math.max(1, Math.floor(DIRTY_MAX / topology.tags));
    const sets = Array.from({ length: topology.tags }, (_, tag) => keys.dirty(tag, member));
    const taken = await commands.call("dirty", (redis) => Promise.all(sets.map((set) => redis.spop(set, each))));
    return taken.flat();
  }

  heads(bots: readonly BotName[]): Promise<readonly OutboxHead[]> {
    const { commands, keys } = this.#options;
    return commands.call("heads", (redis) =>
      Promise.all(
        bots.map(async (bot) => {
          const [generation, next, paused] = await redis.hmget(keys.outboxMeta(bot), "gen", "next", "paused");
          return { bot, generation: generation ?? "", next: Number(next ?? 1), paused: paused !== null };
        }),
      ),
    );
  }
}
