/**
 * The outbound log of each bot, and the doorbell beside it. The stream is the truth, the channel the fast path.
 *
 * worker:   enqueue (whole decisions)  ──> stream of the bot, numbered ──> published on the bot's channel
 * gateway:  attach -> read from `first` -> live frames in sequence; a gap is read from the stream -> confirm -> detach
 *
 * What it guarantees: a decision is appended whole or not at all; one event's decision is appended once while its dedupe
 * entry lives (deadline + dedupeBeyondDeadlineMs); sequences of one generation have no holes. A sequence counts only
 * with its generation. Not promised: that a published frame arrives, or arrives once.
 *
 * Every call rejects with MoaError redis_unavailable as in lane-log.ts, and may be made again.
 */
import type { BotName, ConnectionId, EventId, Lane, MemberId } from "../contract/ids.ts";

export interface OutboxDecision {
  readonly bot: BotName;
  readonly lane: Lane;
  /** Lane epoch of the worker; the outbox remembers the highest it saw per lane and refuses lower. */
  readonly epoch: number;
  readonly event: EventId;
  /** Epoch ms, of all its actions. */
  readonly deadline: number;
  /** Encoded actions, 1 or more. */
  readonly actions: readonly string[];
}

/** `duplicate`: the event's decision is there already. `expired`: the deadline has passed by the store's clock. */
export type EnqueueOutcome = "accepted" | "duplicate" | "expired" | "fenced";

export interface OutboxWriter {
  /** All decisions are of bots within one call's reach (Backends.reach), at most `decisionsPerCallMax`; one outcome each, in order. */
  enqueue(decisions: readonly OutboxDecision[]): Promise<readonly EnqueueOutcome[]>;
}

/** One published or read piece: `actions[i]` has sequence `firstSequence + i`. */
export interface OutboxPiece {
  readonly generation: string;
  readonly firstSequence: number;
  readonly actions: readonly string[];
}

/** `tenure` is the present writer's, 0 when nobody writes: a pod that was not told sees here that it no longer does. */
export interface OutboxRead extends OutboxPiece {
  readonly tenure: number;
}

export interface Attached {
  /** Numbers this reign; a later attach anywhere has a higher one. */
  readonly tenure: number;
  readonly generation: string;
  /** Lowest sequence not confirmed, and the one the next action will get. */
  readonly first: number;
  readonly next: number;
  /** The former writer did not detach: what is between `first` and `next` may have been shown already. */
  readonly ambiguous: boolean;
}

export interface Confirmation {
  readonly bot: BotName;
  readonly tenure: number;
  readonly generation: string;
  /** Every action up to and including this sequence is done with. */
  readonly upTo: number;
}

export interface OutboxHead {
  readonly bot: BotName;
  readonly generation: string;
  readonly next: number;
}

/**
 * Gateway side. `attach` is the place that a writer directory takes over with failover: for now the newest connection of
 * a bot is its writer, and a stale tenure can confirm nothing.
 */
export interface OutboxReader {
  /** Makes the connection the bot's writer and tells the bot's channel so. */
  attach(bot: BotName, member: MemberId, connection: ConnectionId): Promise<Attached>;
  /** Ends the reign if it is still this one, and tells the channel: another pod's connection may attach. */
  detach(bot: BotName, tenure: number): Promise<void>;
  /** Up to `outboxReadMax` actions from the sequence on; empty at the end. The generation read is in the piece. */
  read(bot: BotName, fromSequence: number): Promise<OutboxRead>;
  /** All of one tag. Trims; a stale tenure or other generation changes nothing. */
  confirm(confirmations: readonly Confirmation[]): Promise<void>;
  /** Takes the bots that were marked for this member since the last call, at most 1,000. */
  takeDirty(member: MemberId): Promise<readonly BotName[]>;
  heads(bots: readonly BotName[]): Promise<readonly OutboxHead[]>;
}
