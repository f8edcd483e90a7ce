/** The twin of the lanes: the same laws as the scripts of ../redis/lua, in one process. */
import type { EventId, Lane, MemberId } from "#common/contract/ids.ts";
import { laneCount, type Topology } from "#common/contract/lanes.ts";
import { limits } from "#common/contract/limits.ts";
import type { Clock } from "#common/kernel/clock.ts";
import { MoaError } from "#common/kernel/errors.ts";
import type {
  Append,
  Appended,
  Attempts,
  EventOutcome,
  LaneAppender,
  LaneBalance,
  LaneBalances,
  LaneCommit,
  LaneEntry,
  LaneMark,
  LaneReader,
  LaneState,
  Taken,
} from "#common/ports/lane-log.ts";
import { MemoryLog } from "./log.ts";
import { MemoryParkedEvents } from "./parked.ts";
import type { MemoryRowLog } from "./row-log.ts";

const ENTRIES_PER_LANE = 64;

interface LaneRecord {
  epoch: number;
  owner: MemberId | null;
  commit: number;
  position: string;
  appended: number;
  readonly done: Record<EventOutcome, number>;
  readonly marks: Map<MemberId, { number: number; atMs: number }>;
  readonly attempts: Map<EventId, { readonly tries: number; readonly epoch: number }>;
  readonly seen: Map<number, { ids: string; untilMs: number }>;
  readonly entries: MemoryLog<readonly string[]>;
}

export interface MemoryLanesOptions {
  readonly topology: Topology;
  readonly clock: Clock;
  readonly laneBacklogMax: number;
  readonly rows: MemoryRowLog;
}

export class MemoryLanes implements LaneAppender, LaneReader, LaneBalances {
  readonly parked: MemoryParkedEvents;
  readonly #options: MemoryLanesOptions;
  readonly #lanes: readonly LaneRecord[];
  readonly #readers = new Set<() => void>();

  constructor(options: MemoryLanesOptions) {
    this.#options = options;
    this.#lanes = Array.from({ length: laneCount(options.topology) }, () => emptyLane(options.clock));
    this.parked = new MemoryParkedEvents(this.#lanes.length, options.clock, (lane, event) => this.#add(lane, [event]));
  }

  async append({ lane, by, number, events, after, isWanted }: Append): Promise<Appended> {
    const record = this.#lane(lane);
    const nowMs = this.#options.clock.nowMs();
    if (isWanted?.() === false) throw new MoaError("deadline_passed", "an append was not wanted any more when it left");
    const known = record.marks.get(by);
    if (known !== undefined && known.number >= number) return { outcome: "repeated", at: known.atMs };
    if (after !== undefined && (record.marks.get(after.by)?.number ?? 0) < after.number) return { outcome: "lost" };
    if (inFlight(record) >= this.#options.laneBacklogMax) {
      throw new MoaError("lane_full", `lane ${lane} has ${this.#options.laneBacklogMax} unhandled events`);
    }
    if (number === 1) {
      for (const [member, mark] of record.marks) {
        if (nowMs - mark.atMs > limits.appendedAgainMsMax) record.marks.delete(member);
      }
    }
    this.#add(lane, events);
    record.marks.set(by, { number, atMs: nowMs });
    return { outcome: "appended", at: nowMs };
  }

  async owners(): Promise<readonly LaneState[]> {
    return this.#lanes.map(({ epoch, owner }, lane) => ({ lane, epoch, owner }));
  }

  async take({ lane, epoch }: LaneState, by: MemberId): Promise<Taken | null> {
    const record = this.#lane(lane);
    if (record.epoch !== epoch) return null;
    const nowMs = this.#options.clock.nowMs();
    const clean = record.owner === null;
    record.epoch = Math.max(record.epoch + 1, nowMs);
    record.owner = by;
    record.commit = 0;
    const seen = [...record.seen.values()].filter(({ untilMs }) => untilMs > nowMs);
    return {
      epoch: record.epoch,
      position: record.position,
      lastId: record.entries.newest ?? record.position,
      clean,
      seen: seen.map(({ ids }) => Buffer.from(ids, "hex")),
    };
  }

  async release(lane: Lane, epoch: number): Promise<void> {
    const record = this.#lane(lane);
    if (record.epoch === epoch) record.owner = null;
  }

  async read(cursors: ReadonlyMap<Lane, string>, waitMs: number): Promise<readonly LaneEntry[]> {
    const found = this.#look(cursors);
    if (found.length > 0 || waitMs === 0) return found;
    const untilMs = this.#options.clock.monotonicMs() + waitMs;
    for (;;) {
      const leftMs = untilMs - this.#options.clock.monotonicMs();
      await this.#appendedWithin(leftMs);
      const late = this.#look(cursors);
      if (late.length > 0 || this.#options.clock.monotonicMs() >= untilMs) return late;
    }
  }

  async attempt(lane: Lane, epoch: number, { events, below }: Attempts): Promise<readonly number[] | null> {
    const record = this.#lane(lane);
    if (record.epoch !== epoch) return null;
    return events.map((event) => {
      const known = record.attempts.get(event) ?? { tries: 0, epoch: 0 };
      if (known.epoch === epoch) return known.tries;
      const tries = known.tries + 1;
      if (known.tries < below) record.attempts.set(event, { tries, epoch });
      return tries;
    });
  }

  async commit(commit: LaneCommit): Promise<"done" | "repeated"> {
    const record = this.#lane(commit.lane);
    if (record.epoch !== commit.epoch) {
      throw new MoaError("fenced", `lane ${commit.lane} has a newer epoch than ${commit.epoch}`);
    }
    if (commit.number <= record.commit) return "repeated";
    if (commit.number > record.commit + 1) {
      throw new MoaError("fenced", `lane ${commit.lane} lost the commit before ${commit.number}`);
    }
    if (commit.position !== null && record.entries.get(commit.position) === undefined) {
      throw new MoaError("fenced", `lane ${commit.lane} lost the entries up to ${commit.position}`);
    }
    record.commit = commit.number;
    this.#remember(record, commit.seen);
    if (commit.rows.length > 0) this.#options.rows.add(commit.lane, commit.rows);
    for (const [outcome, count] of Object.entries(commit.counts)) record.done[outcome as EventOutcome] += count;
    this.parked.add(commit.lane, commit.parked);
    for (const event of [...commit.seen, ...commit.parked.map(({ id }) => id)]) record.attempts.delete(event);
    if (commit.position !== null) {
      record.position = commit.position;
      record.entries.trim(commit.position);
    }
    return "done";
  }

  async raise({ lane, epoch, row }: LaneMark): Promise<boolean> {
    const record = this.#lane(lane);
    const isBehind = record.epoch < epoch;
    if (isBehind) record.epoch = epoch + 1;
    return this.#options.rows.raise(lane, row) || isBehind;
  }

  async balances(): Promise<readonly LaneBalance[]> {
    const nowMs = this.#options.clock.nowMs();
    return this.#lanes.map(({ appended, done, entries }, lane) => ({
      lane,
      appended,
      done: { ...done },
      oldestMs: entries.oldestMs === null ? 0 : Math.max(0, nowMs - entries.oldestMs),
      entries: entries.length,
      parked: this.parked.count(lane),
    }));
  }

  #add(lane: Lane, events: readonly string[]): void {
    const record = this.#lane(lane);
    record.entries.add(events);
    record.appended += events.length;
    for (const wake of this.#readers) wake();
  }

  #lane(lane: Lane): LaneRecord {
    return this.#lanes[lane] as LaneRecord;
  }

  #look(cursors: ReadonlyMap<Lane, string>): readonly LaneEntry[] {
    return [...cursors].flatMap(([lane, after]) =>
      this.#lane(lane)
        .entries.after(after, ENTRIES_PER_LANE)
        .map(({ id, ms, value }) => ({ lane, id, loggedAtMs: ms, events: value })),
    );
  }

  #appendedWithin(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        cancel();
        this.#readers.delete(end);
        resolve();
      };
      const cancel = this.#options.clock.after(ms, end);
      this.#readers.add(end);
    });
  }

  #remember(record: LaneRecord, events: readonly EventId[]): void {
    if (events.length === 0) return;
    const nowMs = this.#options.clock.nowMs();
    for (const [bucket, { untilMs }] of record.seen) if (untilMs <= nowMs) record.seen.delete(bucket);
    const bucket = Math.floor(nowMs / limits.seenBucketMs);
    const ids = (record.seen.get(bucket)?.ids ?? "") + events.join("");
    record.seen.set(bucket, { ids, untilMs: nowMs + limits.seenBuckets * limits.seenBucketMs });
  }
}

function emptyLane(clock: Clock): LaneRecord {
  return {
    epoch: 0,
    owner: null,
    commit: 0,
    position: "0-0",
    appended: 0,
    done: { handled: 0, duplicate: 0, refused: 0, parked: 0, expired: 0 },
    marks: new Map(),
    attempts: new Map(),
    seen: new Map(),
    entries: new MemoryLog(clock),
  };
}

function inFlight({ appended, done }: LaneRecord): number {
  return appended - done.handled - done.duplicate - done.refused - done.parked - done.expired;
}
