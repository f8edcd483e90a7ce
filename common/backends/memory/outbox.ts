/** The twin of the outboxes: the same laws as the scripts outbox-* of ../redis/lua, in one process. */
import type { BotName, MemberId } from "#common/contract/ids.ts";
import { limits } from "#common/contract/limits.ts";
import type {
  Confirmation,
  EnqueueOutcome,
  OutboxDecision,
  OutboxExpiry,
  OutboxHead,
  OutboxRead,
  OutboxReader,
  OutboxWriter,
} from "#common/ports/outbox.ts";
import { type BotRecord, type BotRecords, drop } from "./bot-records.ts";

const DIRTY_MAX = 1_000;

export class MemoryOutbox implements OutboxWriter, OutboxReader, OutboxExpiry {
  readonly #records: BotRecords;

  constructor(records: BotRecords) {
    this.#records = records;
  }

  async enqueue(decisions: readonly OutboxDecision[]): Promise<readonly EnqueueOutcome[]> {
    const added = new Map<BotName, string[]>();
    const outcomes = decisions.map((decision) => {
      const outcome = this.#decide(decision);
      if (outcome === "accepted") added.set(decision.bot, [...(added.get(decision.bot) ?? []), ...decision.actions]);
      return outcome;
    });
    for (const [bot, actions] of added) {
      this.#records.ring(bot, actions);
      this.#trim(this.#records.of(bot));
    }
    return outcomes;
  }

  async read(bot: BotName, fromSequence: number): Promise<OutboxRead> {
    const { generation, epoch, writer, first, actions } = this.#records.of(bot);
    const firstSequence = Math.max(fromSequence, first);
    const from = firstSequence - first;
    const some = actions.slice(from, from + limits.outboxReadMax);
    return { generation, epoch: writer ? epoch : 0, firstSequence, actions: some.map(({ action }) => action) };
  }

  async confirm(confirmations: readonly Confirmation[]): Promise<readonly boolean[]> {
    return confirmations.map(({ bot, epoch, id, generation, upTo }) => {
      const record = this.#records.of(bot);
      if (record.epoch !== epoch || record.tenureId !== id || record.generation !== generation) return false;
      if (upTo >= record.next) return false;
      drop(record, upTo + 1);
      return true;
    });
  }

  async takeDirty(member: MemberId): Promise<readonly BotName[]> {
    const marked = this.#records.dirty.get(member);
    const taken = [...(marked ?? [])].slice(0, DIRTY_MAX);
    for (const bot of taken) marked?.delete(bot);
    return taken;
  }

  async heads(bots: readonly BotName[]): Promise<readonly OutboxHead[]> {
    return bots.map((bot) => {
      const { generation, next, paused } = this.#records.of(bot);
      return { bot, generation, next, paused };
    });
  }

  async *forget(deadlineBeforeMs: number): AsyncGenerator<number> {
    for (const record of this.#records.all()) {
      const kept = record.actions.findIndex(({ deadline }) => deadline >= deadlineBeforeMs);
      const dropped = kept === -1 ? record.actions.length : kept;
      drop(record, record.first + dropped);
      yield dropped;
    }
  }

  #decide({ bot, lane, epoch, event, deadline, actions }: OutboxDecision): EnqueueOutcome {
    const record = this.#records.of(bot);
    const nowMs = this.#records.clock.nowMs();
    const known = record.epochs.get(lane) ?? 0;
    if (epoch < known) return "fenced";
    record.epochs.set(lane, epoch);
    if ((record.ids.get(event) ?? 0) > nowMs) return "duplicate";
    if (deadline <= nowMs) return "expired";
    record.ids.set(event, (Math.floor(deadline / 60_000) + 1) * 60_000 + limits.dedupeBeyondDeadlineMs);
    this.#records.append(record, actions, deadline);
    return "accepted";
  }

  #trim(record: BotRecord): void {
    const nowMs = this.#records.clock.nowMs();
    for (const [id, untilMs] of record.ids) if (untilMs <= nowMs) record.ids.delete(id);
    if (record.next - record.first <= 64) return;
    const kept = record.actions.findIndex(({ deadline }) => deadline + limits.dedupeBeyondDeadlineMs > nowMs);
    const first = kept === -1 ? record.next : record.first + kept;
    drop(record, Math.max(first, record.next - limits.outboxActionsMax));
  }
}
