/** The twin of the held actions: the same laws as the scripts held-* of ../redis/lua. */
import { decodeAction } from "#common/contract/codec.ts";
import type { BotName } from "#common/contract/ids.ts";
import { limits } from "#common/contract/limits.ts";
import type { HeldAction, HeldActions } from "#common/ports/held-actions.ts";
import type { BotRecords } from "./bot-records.ts";

export class MemoryHeldActions implements HeldActions {
  readonly #records: BotRecords;

  constructor(records: BotRecords) {
    this.#records = records;
  }

  async hold(action: HeldAction): Promise<"held" | "full"> {
    const { held } = this.#records.of(action.bot);
    if (held.has(action.id)) return "held";
    if (held.size >= limits.heldPerBotMax) return "full";
    held.set(action.id, action);
    return "held";
  }

  async list(bot: BotName): Promise<readonly HeldAction[]> {
    return [...this.#records.of(bot).held.values()].sort((a, b) => a.heldAt - b.heldAt);
  }

  async resend(bot: BotName, id: string, action: string): Promise<boolean> {
    const { deadline } = decodeAction(action);
    const record = this.#records.of(bot);
    if (!record.held.delete(id)) return false;
    this.#records.append(record, [action], deadline);
    this.#records.ring(bot, [action]);
    return true;
  }

  async discard(bot: BotName, id: string): Promise<boolean> {
    return this.#records.of(bot).held.delete(id);
  }

  async backlog(): Promise<{ readonly count: number; readonly oldestMs: number }> {
    const held = [...this.#records.all()].flatMap((record) => [...record.held.values()]);
    const oldest = Math.min(...held.map(({ heldAt }) => heldAt));
    return { count: held.length, oldestMs: held.length === 0 ? 0 : Math.max(0, this.#records.clock.nowMs() - oldest) };
  }
}
