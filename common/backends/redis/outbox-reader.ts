import type { BotName, ConnectionId, MemberId } from "#common/contract/ids.ts";
import type { Keys } from "#common/contract/keys.ts";
import type { Topology } from "#common/contract/lanes.ts";
import { limits } from "#common/contract/limits.ts";
import type { Random } from "#common/kernel/random.ts";
import type { Attached, Confirmation, OutboxHead, OutboxRead, OutboxReader } from "#common/ports/outbox.ts";
import type { Connection } from "./connection.ts";
import type { Scripts } from "./scripts.ts";

const DIRTY_MAX = 1_000;

export interface OutboxReaderOptions {
  readonly commands: Connection;
  readonly scripts: Scripts;
  readonly keys: Keys;
  readonly topology: Topology;
  readonly random: Random;
}

export class RedisOutboxReader implements OutboxReader {
  readonly #options: OutboxReaderOptions;

  constructor(options: OutboxReaderOptions) {
    this.#options = options;
  }

  async attach(bot: BotName, member: MemberId, connection: ConnectionId): Promise<Attached> {
    const { commands, scripts, keys, random } = this.#options;
    const attached = await commands.run(
      scripts["outbox-attach"],
      [keys.outboxMeta(bot), keys.outbox(bot), keys.channel(bot)],
      [member, connection, random.hex(6)],
    );
    const [tenure, generation, first, next, ambiguous] = attached as [number, string, number, number, number];
    return { tenure, generation, first, next, ambiguous: ambiguous === 1 };
  }

  async detach(bot: BotName, tenure: number): Promise<void> {
    const { commands, scripts, keys } = this.#options;
    await commands.run(scripts["outbox-detach"], [keys.outboxMeta(bot), keys.channel(bot)], [tenure]);
  }

  async read(bot: BotName, fromSequence: number): Promise<OutboxRead> {
    const { commands, scripts, keys } = this.#options;
    const names = [keys.outboxMeta(bot), keys.outbox(bot)];
    const piece = await commands.run(scripts["outbox-read"], names, [fromSequence, limits.outboxReadMax]);
    const [generation, tenure, firstSequence, ...entries] = piece as [string, string, number, ...string[]];
    const actions: string[] = [];
    for (let i = 0; i < entries.length; i += 2) {
      const ofEntry = (entries[i + 1] as string).split("\n");
      const last = Number.parseInt(entries[i] as string, 10);
      actions.push(...ofEntry.slice(Math.max(0, firstSequence - (last - ofEntry.length + 1))));
    }
    return { generation, tenure: Number(tenure), firstSequence, actions: actions.slice(0, limits.outboxReadMax) };
  }

  async confirm(confirmations: readonly Confirmation[]): Promise<void> {
    if (confirmations.length === 0) return;
    const { commands, scripts, keys } = this.#options;
    await commands.run(
      scripts["outbox-confirm"],
      confirmations.flatMap(({ bot }) => [keys.outboxMeta(bot), keys.outbox(bot)]),
      confirmations.flatMap(({ tenure, generation, upTo }) => [tenure, generation, upTo]),
    );
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
          const [generation, next] = await redis.hmget(keys.outboxMeta(bot), "gen", "next");
          return { bot, generation: generation ?? "", next: Number(next ?? 1) };
        }),
      ),
    );
  }
}
