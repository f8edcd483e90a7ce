/**
 * The connections of this pod: all by id, admitted ones by bot, the last admitted last. A bot has few of its own, so that
 * a list does; of those that only say they are its own there may be any number, and they stand in no list.
 */
import type { BotName, ConnectionId } from "#common/contract/ids.ts";
import type { Identity } from "#gateway/platforms/platform.ts";

interface Entry {
  readonly id: ConnectionId;
  /** null until identified; never changes after. */
  readonly identity: Identity | null;
}

export class ConnectionTable<C extends Entry> {
  readonly #byId = new Map<ConnectionId, C>();
  readonly #byBot = new Map<BotName, C[]>();

  get size(): number {
    return this.#byId.size;
  }

  all(): Iterable<C> {
    return this.#byId.values();
  }

  /** The bot's newest admitted connection on this pod. */
  newest(bot: BotName): C | undefined {
    return this.#byBot.get(bot)?.at(-1);
  }

  add(connection: C): void {
    this.#byId.set(connection.id, connection);
  }

  /** An added connection, identified. */
  admit(connection: C): void {
    const { bot } = connection.identity as Identity;
    this.#byBot.set(bot, [...(this.#byBot.get(bot) ?? []), connection]);
  }

  /** It stays one of the pod's. */
  dismiss(connection: C): void {
    const bot = connection.identity?.bot;
    if (bot === undefined) return;
    const rest = this.#byBot.get(bot)?.filter((other) => other !== connection) ?? [];
    if (rest.length === 0) this.#byBot.delete(bot);
    else this.#byBot.set(bot, rest);
  }

  /** Takes out this very connection, never a newer one of the same device: an old socket's end arrives late. */
  remove(connection: C): void {
    if (this.#byId.get(connection.id) === connection) this.#byId.delete(connection.id);
    this.dismiss(connection);
  }
}
