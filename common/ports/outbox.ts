/**
 * The outbound log of each bot, and the doorbell beside it. The stream is the truth, the channel the fast path.
 *
 * worker:   enqueue (whole decisions)  ──> stream of the bot, numbered ──> published on the bot's channel
 * gateway:  read from the first unconfirmed -> live frames in sequence; a gap is read from the stream -> confirm
 *
 * What it guarantees: a decision is appended whole or not at all; one event's decision is appended once while its dedupe
 * entry lives (deadline + dedupeBeyondDeadlineMs); sequences of one generation have no holes. A sequence counts only
 * with its generation. Not promised: that a published frame arrives, or arrives once.
 *
 * Every call rejects with MoaError redis_unavailable as in lane-log.ts, and may be made again.
 */
import type { BotName, EventId, Lane, MemberId } from "../contract/ids.ts";

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

/** `epoch` is the present writer's, 0 when nobody writes: a pod that was not told sees here that it no longer does. */
export interface OutboxRead extends OutboxPiece {
  readonly epoch: number;
}

export interface Confirmation {
  readonly bot: BotName;
  readonly epoch: number;
  /** Of the tenure. */
  readonly id: string;
  readonly generation: string;
  /** Every action up to and including this sequence is done with. */
  readonly upTo: number;
}

export interface OutboxHead {
  readonly bot: BotName;
  readonly generation: string;
  readonly next: number;
  /** An operator holds the bot (writer-directory.ts). */
  readonly paused: boolean;
}

/** Worker side. */
export interface OutboxExpiry {
  /**
   * Drops, of every bot, the oldest actions whose deadline was before: that nobody came for. Step by step, each told by how
   * many actions went; asking for no more stops it.
   */
  forget(deadlineBeforeMs: number): AsyncIterable<number>;
}

/** Gateway side. Who may write, and from which sequence on, is the writer directory's to say (writer-directory.ts). */
export interface OutboxReader {
  /** Up to `outboxReadMax` actions from the sequence on; empty at the end. The generation read is in the piece. */
  read(bot: BotName, fromSequence: number): Promise<OutboxRead>;
  /**
   * All of one tag. Trims. False for one whose tenure or generation is not the bot's any more, or that confirms what was
   * never appended: nothing changed there.
   */
  confirm(confirmations: readonly Confirmation[]): Promise<readonly boolean[]>;
  /** Takes the bots that were marked for this member since the last call, at most 1,000. */
  takeDirty(member: MemberId): Promise<readonly BotName[]>;
  heads(bots: readonly BotName[]): Promise<readonly OutboxHead[]>;
}
