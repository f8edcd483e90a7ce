/**
 * The connections of this pod: all by id, identified ones by bot, newest last. A bot has few connections, so that a list
 * does.
 */
import type { BotName, ConnectionId } from "#common/contract/ids.ts";
import type { Identity } from "#gateway/platforms/platform.ts";

interface Entry {
  readonly id: ConnectionId;
  /** null until identified; never changes after. */
  readonly identity: Identity | null;
}

/**
 * Phones that cannot read their own id all say this one: they are different devices, and replacing one by the other
 * would make them throw each other out every four seconds.
 */
const NOBODY = "unknown";

export class ConnectionTable<C extends Entry> {
  readonly #byId = new Map<ConnectionId, C>();
  readonly #byBot = new Map<BotName, C[]>();

  get size(): number {
    return this.#byId.size;
  }

  all(): Iterable<C> {
    return this.#byId.values();
  }

  /** The bot's newest connection on this pod. */
  newest(bot: BotName): C | undefined {
    return this.#byBot.get(bot)?.at(-1);
  }

  add(connection: C): void {
    this.#byId.set(connection.id, connection);
  }

  /**
   * Files an added connection that now has its identity. Returns the one that it replaces, the same device of the same
   * bot, already taken out: the caller destroys it and waits for nothing.
   */
  identify(connection: C): C | undefined {
    const { bot, device } = connection.identity as Identity;
    const others = this.#byBot.get(bot) ?? [];
    const replaced = device === NOBODY ? undefined : others.find((other) => other.identity?.device === device);
    if (replaced !== undefined) this.remove(replaced);
    this.#byBot.set(bot, [...others.filter((other) => other !== replaced), connection]);
    return replaced;
  }

  /** Takes out this very connection, never a newer one of the same device: an old socket's end arrives late. */
  remove(connection: C): void {
    if (this.#byId.get(connection.id) === connection) this.#byId.delete(connection.id);
    const bot = connection.identity?.bot;
    if (bot === undefined) return;
    const rest = this.#byBot.get(bot)?.filter((other) => other !== connection) ?? [];
    if (rest.length === 0) this.#byBot.delete(bot);
    else this.#byBot.set(bot, rest);
  }
}
