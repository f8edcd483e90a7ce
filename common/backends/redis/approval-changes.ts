/**
 * A stream of the newest changes. The entry that a reader saw last must still be there: else entries after it were
 * dropped, or Redis lost what it had, and nobody can say what the reader missed. Who saw it empty missed nothing while
 * it is not full.
 */
import type { Keys } from "#common/contract/keys.ts";
import { limits } from "#common/contract/limits.ts";
import type { ApprovalChange, ApprovalChanges } from "#common/ports/approvals.ts";
import type { Connection } from "./connection.ts";

const FIELD = "c";
/** Of a stream without entries. */
const EMPTY = "0-0";

export class RedisApprovalChanges implements ApprovalChanges {
  readonly #commands: Connection;
  readonly #keys: Keys;

  constructor(commands: Connection, keys: Keys) {
    this.#commands = commands;
    this.#keys = keys;
  }

  async announce(change: ApprovalChange): Promise<void> {
    const field = [FIELD, JSON.stringify(change)] as const;
    await this.#commands.call("announce", (redis) =>
      redis.xadd(this.#keys.changes, "MAXLEN", "=", limits.approvalChangesMax, "*", ...field),
    );
  }

  async since(version: string): ReturnType<ApprovalChanges["since"]> {
    const found = version === "" ? [] : await this.#from(version);
    const isFromEmpty = version === EMPTY && found.length < limits.approvalChangesMax;
    if (!isFromEmpty && found[0]?.[0] !== version) return { version: await this.#newest(), changes: "all" };
    const more = isFromEmpty ? found : found.slice(1);
    const changes = more.map(([, [, text]]) => JSON.parse(text as string) as ApprovalChange);
    return { version: more.at(-1)?.[0] ?? version, changes };
  }

  #from(version: string): Promise<[id: string, fields: string[]][]> {
    return this.#commands.call("changes", (redis) => redis.xrange(this.#keys.changes, version, "+"));
  }

  async #newest(): Promise<string> {
    const found = await this.#commands.call("changes", (redis) =>
      redis.xrevrange(this.#keys.changes, "+", "-", "COUNT", 1),
    );
    return found[0]?.[0] ?? EMPTY;
  }
}
