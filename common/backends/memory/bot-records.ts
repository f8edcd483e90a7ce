/** What the twins of outboxes, writers and held actions share: of each bot what is under its Redis keys. */
import type { BotName, ConnectionId, Lane, MemberId } from "#common/contract/ids.ts";
import type { Clock } from "#common/kernel/clock.ts";
import type { Random } from "#common/kernel/random.ts";
import type { HeldAction } from "#common/ports/held-actions.ts";
import type { BotWriters, Candidate } from "#common/ports/writer-directory.ts";
import type { MemoryHub } from "./channel.ts";

export interface BotRecord {
  /** Empty until the first action or writer. */
  generation: string;
  next: number;
  first: number;
  /** Of the present reign; of the last one when nobody writes. */
  epoch: number;
  tenureId: string;
  writer: { member: MemberId; connection: ConnectionId; device: string; takenAt: number } | null;
  /** Sequences below it, from `first` on, were left in doubt. */
  doubtBelow: number;
  former: BotWriters["former"];
  paused: boolean;
  readonly candidates: Map<ConnectionId, Candidate>;
  readonly held: Map<string, HeldAction>;
  /** Highest epoch of each lane. */
  readonly epochs: Map<Lane, number>;
  /** Event id to when it may be forgotten. */
  readonly ids: Map<string, number>;
  /** Of sequences `first` to `next - 1`. */
  actions: { readonly action: string; readonly deadline: number }[];
}

export interface BotRecordsOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly hub: MemoryHub;
}

export class BotRecords {
  readonly clock: Clock;
  readonly random: Random;
  readonly hub: MemoryHub;
  readonly dirty = new Map<MemberId, Set<BotName>>();
  readonly #bots = new Map<BotName, BotRecord>();

  constructor({ clock, random, hub }: BotRecordsOptions) {
    this.clock = clock;
    this.random = random;
    this.hub = hub;
  }

  of(bot: BotName): BotRecord {
    const known = this.#bots.get(bot);
    if (known) return known;
    const made = {
      ...{ generation: "", next: 1, first: 1, epoch: 0, tenureId: "", writer: null, doubtBelow: 0, former: null },
      ...{ paused: false, candidates: new Map(), held: new Map(), epochs: new Map(), ids: new Map(), actions: [] },
    };
    this.#bots.set(bot, made);
    return made;
  }

  all(): Iterable<BotRecord> {
    return this.#bots.values();
  }

  /** Gives it a generation if it has none. */
  open(record: BotRecord): void {
    if (record.generation === "") record.generation = this.random.hex(6);
  }

  append(record: BotRecord, actions: readonly string[], deadline: number): void {
    this.open(record);
    record.actions.push(...actions.map((action) => ({ action, deadline })));
    record.next += actions.length;
  }

  /** Publishes the newest of the bot's actions, which these are, and marks it for its writer's pod. */
  ring(bot: BotName, actions: readonly string[]): void {
    const { generation, next, writer } = this.of(bot);
    this.hub.publish(bot, `${generation}\t${next - actions.length}\n${actions.join("\n")}`);
    if (writer === null) return;
    const marked = this.dirty.get(writer.member) ?? new Set();
    this.dirty.set(writer.member, marked.add(bot));
  }
}

/** Drops what is below the sequence. */
export function drop(record: BotRecord, first: number): void {
  if (first <= record.first) return;
  record.actions = record.actions.slice(first - record.first);
  record.first = first;
}
