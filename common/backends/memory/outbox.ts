/** The twin of the outboxes: the same laws as the scripts of ../redis/lua, in one process. */
import type { BotName, ConnectionId, Lane, MemberId } from "#common/contract/ids.ts";
import { limits } from "#common/contract/limits.ts";
import type { Clock } from "#common/kernel/clock.ts";
import type { Random } from "#common/kernel/random.ts";
import type {
  Attached,
  Confirmation,
  EnqueueOutcome,
  OutboxDecision,
  OutboxHead,
  OutboxRead,
  OutboxReader,
  OutboxWriter,
} from "#common/ports/outbox.ts";
import type { MemoryHub } from "./channel.ts";

const DIRTY_MAX = 1_000;

interface BotRecord {
  /** Empty until the first action or writer. */
  generation: string;
  next: number;
  first: number;
  tenure: number;
  pod: MemberId | null;
  readonly epochs: Map<Lane, number>;
  /** Event id to when it may be forgotten. */
  readonly ids: Map<string, number>;
  /** Of sequences `first` to `next - 1`. */
  actions: { readonly action: string; readonly deadline: number }[];
}

export interface MemoryOutboxOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly hub: MemoryHub;
}

export class MemoryOutbox implements OutboxWriter, OutboxReader {
  readonly #options: MemoryOutboxOptions;
  readonly #bots = new Map<BotName, BotRecord>();
  readonly #dirty = new Map<MemberId, Set<BotName>>();

  constructor(options: MemoryOutboxOptions) {
    this.#options = options;
  }

  async enqueue(decisions: readonly OutboxDecision[]): Promise<readonly EnqueueOutcome[]> {
    const added = new Map<BotName, string[]>();
    const outcomes = decisions.map((decision) => {
      const outcome = this.#decide(decision);
      if (outcome === "accepted") added.set(decision.bot, [...(added.get(decision.bot) ?? []), ...decision.actions]);
      return outcome;
    });
    for (const [bot, actions] of added) {
      const record = this.#bot(bot);
      const from = record.next - actions.length;
      this.#options.hub.publish(bot, `${record.generation}\t${from}\n${actions.join("\n")}`);
      if (record.pod !== null) this.#mark(record.pod, bot);
      this.#trim(record);
    }
    return outcomes;
  }

  async attach(bot: BotName, member: MemberId, _connection: ConnectionId): Promise<Attached> {
    const record = this.#bot(bot);
    this.#open(record);
    const ambiguous = record.pod !== null;
    record.tenure = Math.max(record.tenure, this.#options.clock.nowMs()) + 1;
    record.pod = member;
    this.#options.hub.publish(bot, `!${record.tenure}`);
    const { tenure, generation, first, next } = record;
    return { tenure, generation, first, next, ambiguous };
  }

  async detach(bot: BotName, tenure: number): Promise<void> {
    const record = this.#bot(bot);
    if (record.tenure !== tenure || record.pod === null) return;
    record.pod = null;
    this.#options.hub.publish(bot, "!");
  }

  async read(bot: BotName, fromSequence: number): Promise<OutboxRead> {
    const { generation, tenure, pod, first, actions } = this.#bot(bot);
    const firstSequence = Math.max(fromSequence, first);
    const from = firstSequence - first;
    const some = actions.slice(from, from + limits.outboxReadMax);
    return { generation, tenure: pod === null ? 0 : tenure, firstSequence, actions: some.map(({ action }) => action) };
  }

  async confirm(confirmations: readonly Confirmation[]): Promise<void> {
    for (const { bot, tenure, generation, upTo } of confirmations) {
      const record = this.#bot(bot);
      if (record.tenure !== tenure || record.generation !== generation) continue;
      drop(record, Math.min(upTo + 1, record.next));
    }
  }

  async takeDirty(member: MemberId): Promise<readonly BotName[]> {
    const marked = this.#dirty.get(member);
    const taken = [...(marked ?? [])].slice(0, DIRTY_MAX);
    for (const bot of taken) marked?.delete(bot);
    return taken;
  }

  async heads(bots: readonly BotName[]): Promise<readonly OutboxHead[]> {
    return bots.map((bot) => {
      const { generation, next } = this.#bot(bot);
      return { bot, generation, next };
    });
  }

  #bot(bot: BotName): BotRecord {
    const known = this.#bots.get(bot);
    if (known) return known;
    const made = {
      generation: "",
      next: 1,
      first: 1,
      tenure: 0,
      pod: null,
      epochs: new Map(),
      ids: new Map(),
      actions: [],
    };
    this.#bots.set(bot, made);
    return made;
  }

  #open(record: BotRecord): void {
    if (record.generation === "") record.generation = this.#options.random.hex(6);
  }

  #decide({ bot, lane, epoch, event, deadline, actions }: OutboxDecision): EnqueueOutcome {
    const record = this.#bot(bot);
    const nowMs = this.#options.clock.nowMs();
    const known = record.epochs.get(lane) ?? 0;
    if (epoch < known) return "fenced";
    record.epochs.set(lane, epoch);
    if ((record.ids.get(event) ?? 0) > nowMs) return "duplicate";
    if (deadline <= nowMs) return "expired";
    this.#open(record);
    record.ids.set(event, (Math.floor(deadline / 60_000) + 1) * 60_000 + limits.dedupeBeyondDeadlineMs);
    record.actions.push(...actions.map((action) => ({ action, deadline })));
    record.next += actions.length;
    return "accepted";
  }

  #mark(member: MemberId, bot: BotName): void {
    const marked = this.#dirty.get(member) ?? new Set();
    this.#dirty.set(member, marked.add(bot));
  }

  #trim(record: BotRecord): void {
    const nowMs = this.#options.clock.nowMs();
    for (const [id, untilMs] of record.ids) if (untilMs <= nowMs) record.ids.delete(id);
    if (record.next - record.first <= 64) return;
    const kept = record.actions.findIndex(({ deadline }) => deadline + limits.dedupeBeyondDeadlineMs > nowMs);
    const first = kept === -1 ? record.next : record.first + kept;
    drop(record, Math.max(first, record.next - limits.outboxActionsMax));
  }
}

/** Drops what is below the sequence. */
function drop(record: BotRecord, first: number): void {
  if (first <= record.first) return;
  record.actions = record.actions.slice(first - record.first);
  record.first = first;
}
