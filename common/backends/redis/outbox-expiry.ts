/** Walks over all outboxes, whichever server they are on: nobody keeps a list of bots that were ever answered. */
import type { BotName } from "#common/contract/ids.ts";
import type { Keys } from "#common/contract/keys.ts";
import { type Topology, tagOf } from "#common/contract/lanes.ts";
import type { OutboxExpiry } from "#common/ports/outbox.ts";
import type { Connection, ServerCalls } from "./connection.ts";
import type { Scripts } from "./scripts.ts";

/** Of one look: a script over so many bots takes Redis about a millisecond. */
const BOTS_PER_LOOK = 250;

export interface OutboxExpiryOptions {
  readonly commands: Connection;
  readonly scripts: Scripts;
  readonly keys: Keys;
  readonly reach: Topology;
}

export class RedisOutboxExpiry implements OutboxExpiry {
  readonly #options: OutboxExpiryOptions;

  constructor(options: OutboxExpiryOptions) {
    this.#options = options;
  }

  async *forget(deadlineBeforeMs: number): AsyncGenerator<number> {
    for (const server of await this.#options.commands.servers()) {
      for await (const bots of this.#botsOn(server)) yield await this.#forgetOf(bots, deadlineBeforeMs);
    }
  }

  async *#botsOn(server: ServerCalls): AsyncGenerator<readonly BotName[]> {
    const { keys } = this.#options;
    const look = (cursor: string) =>
      server.call("outboxes", (redis) => redis.scan(cursor, "MATCH", keys.outboxes, "COUNT", BOTS_PER_LOOK));
    let cursor = "0";
    do {
      const [next, found] = await look(cursor);
      yield found.map(keys.botOfOutbox);
      cursor = next;
    } while (cursor !== "0");
  }

  /** A call for each of the reach's tags: a Cluster takes one at a time. */
  async #forgetOf(bots: readonly BotName[], deadlineBeforeMs: number): Promise<number> {
    const { commands, scripts, keys, reach } = this.#options;
    let dropped = 0;
    for (const ofTag of Map.groupBy(bots, (bot) => tagOf(reach, bot)).values()) {
      const names = ofTag.flatMap((bot) => [keys.outboxMeta(bot), keys.outbox(bot)]);
      dropped += (await commands.run(scripts["outbox-forget"], names, [deadlineBeforeMs])) as number;
    }
    return dropped;
  }
}
