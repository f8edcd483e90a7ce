/**
 * The inbound log: lanes, each an ordered stream of entries, an entry being one or more events appended together.
 *
 * gateway:  append
 * worker:   owners -> take -> read from the position -> (handle) -> commit -> ... -> release
 *
 * What it guarantees: entries are read in the order they were appended; a commit or attempt under an epoch that is not
 * the lane's newest changes nothing and says so; a repeat of an append or commit with the number of one already made
 * changes nothing. There is no consumer group (ADR 0003): the position is the reader's, kept by commit.
 *
 * Every call rejects with MoaError redis_unavailable when the store did not answer: the call may or may not have been
 * applied, and the same call may be made again.
 */
import type { EventId, Lane, MemberId } from "../contract/ids.ts";

export interface Append {
  readonly lane: Lane;
  /** Gateway incarnation of the first try; a retry keeps it. */
  readonly by: MemberId;
  /** Counts up per (lane, by) from 1; a retry keeps it. */
  readonly number: number;
  /** Encoded events, 1 or more, appended as one entry. */
  readonly events: readonly string[];
  /** The append before it, which was acknowledged; undefined for the first, and where nobody knows. */
  readonly after?: { readonly by: MemberId; readonly number: number } | undefined;
  /** Asked when the call leaves, which may be a while after it was made: false fails it, and nothing is appended. */
  isWanted?(): boolean;
}

/** `at`: when it got into the lane, by the store's clock, epoch ms; of a repeat, when it did the first time. */
export type Appended =
  | { readonly outcome: "appended" | "repeated"; readonly at: number }
  | { readonly outcome: "lost" };

export interface LaneAppender {
  /**
   * `lost`: the append named by `after` is not in the lane any more, so the store lost what it had acknowledged. Nothing
   * was appended: what was lost comes first, and would pass for a repeat behind a higher number.
   * @throws MoaError lane_full when the lane has `laneBacklogEventsMax` unhandled events, deadline_passed when not wanted
   */
  append(append: Append): Promise<Appended>;
}

export interface LaneState {
  readonly lane: Lane;
  readonly epoch: number;
  /** null: never owned, or released. */
  readonly owner: MemberId | null;
}

export interface Taken {
  readonly epoch: number;
  /** Entry id after which to read; "0-0" at first. */
  readonly position: string;
  /** Newest entry id when the lane was taken: entries up to it may have been in hand when a former owner died. */
  readonly lastId: string;
  /** The former owner released the lane, so that nothing was in hand. */
  readonly clean: boolean;
  /** Digests of events handled in the last `seenBuckets` buckets, 8 bytes each. */
  readonly seen: readonly Uint8Array[];
}

export interface LaneEntry {
  readonly lane: Lane;
  readonly id: string;
  /** When it was appended by the store's clock, epoch ms. */
  readonly loggedAtMs: number;
  readonly events: readonly string[];
}

/** Terminal outcomes of events, as the conservation balance counts them. */
export type EventOutcome = "handled" | "duplicate" | "refused" | "parked" | "expired";

export interface ParkedEvent {
  readonly id: EventId;
  /** The encoded event, so that it can be run again. */
  readonly event: string;
  readonly reason: string;
}

export interface LaneCommit {
  readonly lane: Lane;
  readonly epoch: number;
  /** Counts up within the epoch from 1 without a gap; a retry keeps it. */
  readonly number: number;
  /** Lowest entry id below and including which all is done; null when it did not move. */
  readonly position: string | null;
  /** Events that became done with this commit and shall be known as seen. */
  readonly seen: readonly EventId[];
  /** Chat-log rows, encoded, in order. */
  readonly rows: readonly string[];
  /**
   * Outcomes of the events of entries that the position passed with this commit. Not of those done beyond it: a next
   * owner meets these again, and each event must be counted once.
   */
  readonly counts: Readonly<Partial<Record<EventOutcome, number>>>;
  readonly parked: readonly ParkedEvent[];
}

/** How far a lane is known to have come, to somebody else. */
export interface LaneMark {
  readonly lane: Lane;
  readonly epoch: number;
  /** Id of a row entry; "0-0" for none. */
  readonly row: string;
}

/** After a crash, before they run. */
export interface Attempts {
  readonly events: readonly EventId[];
  /** An event that has so many tries gets none counted. */
  readonly below: number;
}

export interface LaneReader {
  owners(): Promise<readonly LaneState[]>;
  /** Takes the lane if its epoch is still `state.epoch`; null when someone was faster. */
  take(state: LaneState, by: MemberId): Promise<Taken | null>;
  /** Gives the lane up, if the epoch is still ours. Nothing may be in hand. */
  release(lane: Lane, epoch: number): Promise<void>;
  /**
   * Entries after each cursor, per lane in order, at most 64 per lane. All lanes are of one shard. Waits up to `waitMs`
   * when there are none; rejects by its own deadline when the connection is a dead one.
   */
  read(cursors: ReadonlyMap<Lane, string>, waitMs: number): Promise<readonly LaneEntry[]>;
  /** The tries of each event with this one, which is counted once per epoch. Null when fenced. */
  attempt(lane: Lane, epoch: number, attempts: Attempts): Promise<readonly number[] | null>;
  /**
   * @throws MoaError fenced, also when the commit before it, with rows and seen ids, or the entry at its position is not
   *   there any more: they were lost
   */
  commit(commit: LaneCommit): Promise<"done" | "repeated">;
  /**
   * A store that lost its data numbers by its clock, which may be behind: from here on the lane's epochs and the ids of
   * its rows are above the mark. True when they would not have been.
   */
  raise(mark: LaneMark): Promise<boolean>;
}

export interface LaneBalance {
  readonly lane: Lane;
  readonly appended: number;
  readonly done: Readonly<Record<EventOutcome, number>>;
  /** Age of the oldest entry beyond the position, ms; 0 when there is none. */
  readonly oldestMs: number;
  readonly entries: number;
  readonly parked: number;
}

/** What operators and tests see of the lanes; `appended - sum(done)` is in flight. */
export interface LaneBalances {
  balances(): Promise<readonly LaneBalance[]>;
}
