/**
 * Who writes for each bot. One bot is one logical client with several connections; exactly one of them may write, under a
 * tenure: a record (epoch, random id, connection, pod). The directory is the truth; a bot's channel only hastens it.
 *
 *   enrol ──> take (vacant, or over a tenure that its holder or its holder's death gave up) ──> end ──> vacant
 *
 * What it guarantees: an epoch of a bot is never given twice, not by a store that lost its data either (at least its
 * clock, and at least the highest the caller has seen); of several that take at once one is granted; `take` over a tenure
 * is granted only while that very tenure stands. Not guaranteed: that the holder still lives. Only the pod that holds a
 * tenure ends it; others ask it on the channel, or take over it once its incarnation's life key is gone: that key never
 * comes back, so that looking at it first and taking then is safe.
 *
 * Every call rejects with MoaError redis_unavailable as in lane-log.ts, and may be made again.
 */

import type { Evidence } from "../contract/evidence.ts";
import type { BotName, ConnectionId, MemberId } from "../contract/ids.ts";

/** An admitted connection that may write. */
export interface Candidate {
  readonly bot: BotName;
  readonly member: MemberId;
  readonly connection: ConnectionId;
  readonly device: string;
  /** When its handshake was accepted, epoch ms: of one device's connections the latest counts. */
  readonly since: number;
}

export interface Tenure {
  readonly epoch: number;
  /** Random: an epoch that was given twice by a store that lost its data would differ here. */
  readonly id: string;
  readonly member: MemberId;
  readonly connection: ConnectionId;
}

/** What the candidate met. */
export interface Enrolment {
  /** null: vacant. */
  readonly holder: Tenure | null;
  /** A later connection of its device is enrolled: this one is to be closed. */
  readonly outdated: boolean;
}

/** How a reign ended, for those who take up what it left. Times are epoch ms. */
export interface ReignEnd {
  readonly reason: Evidence;
  /** T0: last proof of life, or the first unconfirmed write after it if that was later. */
  readonly provenAt: number;
  /** T1: when it was declared. */
  readonly declaredAt: number;
  /** Sequences below it, from the first unconfirmed on, may have been shown. */
  readonly doubtBelow: number;
}

export interface Taken extends Tenure {
  readonly generation: string;
  /** Lowest sequence not confirmed, and the one that the next action gets. */
  readonly first: number;
  readonly next: number;
  /** Sequences from `first` up to here, excluded, may have been shown already; `first` when none may. */
  readonly doubtBelow: number;
  /** How the reign before ended, when its holder said so; null after a pod's death, and for the first. */
  readonly former: (ReignEnd & { readonly epoch: number }) | null;
  /** An operator holds the bot: nothing is written until it is released. */
  readonly paused: boolean;
}

/** What a take is made over: a tenure given up, and what its own pod knows of it. */
export interface Over {
  readonly epoch: number;
  readonly id: string;
  /** Known by the pod that held it; absent when it died: then the whole window of unconfirmed writes is in doubt. */
  readonly end?: ReignEnd;
}

/** What the caller knows of the bot beyond what the directory may still know. */
export interface Seen {
  /** The highest epoch; 0 if none. */
  readonly epoch: number;
  /** The store lost what it had acknowledged since the caller last held the bot. */
  readonly lost: boolean;
}

export type WriterRequest =
  /** The holder of that epoch shall hand over: to that connection if it can, or to any. */
  | { readonly kind: "failover"; readonly epoch: number; readonly to: ConnectionId | null }
  | { readonly kind: "paused"; readonly paused: boolean };

/** What is told on a bot's channel beside its actions. */
export type Told =
  | { readonly kind: "taken"; readonly epoch: number; readonly connection: ConnectionId }
  | { readonly kind: "vacant"; readonly epoch: number }
  | { readonly kind: "enrolled"; readonly connection: ConnectionId; readonly device: string; readonly since: number }
  | { readonly kind: "asked"; readonly request: WriterRequest };

export interface BotWriters {
  readonly holder: (Tenure & { readonly device: string; readonly takenAt: number }) | null;
  /** At most `candidatesPerBotMax`. Those of a pod that died stay until then, or until their device connects again. */
  readonly candidates: readonly Candidate[];
  readonly paused: boolean;
  /** Actions not confirmed. */
  readonly waiting: number;
  readonly held: number;
  readonly former: (ReignEnd & { readonly epoch: number }) | null;
}

export interface WriterDirectory {
  /**
   * Enters the candidate and tells the channel. Earlier ones of its device are struck off; one that is itself the earlier
   * enters nothing and is told nobody. Of two of one moment the higher connection id is the later. A repeat tells again.
   */
  enrol(candidate: Candidate): Promise<Enrolment>;
  /** Strikes a connection off. */
  withdraw(bot: BotName, connection: ConnectionId): Promise<void>;
  /**
   * Makes the candidate the writer if the place is vacant or held by `over`; else says who holds it. To a connection
   * that holds it already under this incarnation its tenure is said again. After a loss a granted take gives the outbox
   * a fresh generation: actions keep their sequences, and what was said of the lost ones (confirmations, pieces) fits no
   * more.
   */
  take(candidate: Candidate, over: Over | null, seen: Seen): Promise<Taken | { readonly holder: Tenure }>;
  /** Ends the reign if it is still this one, and tells the channel. A repeat is true until another took, and told once. False when it was not this one. */
  end(bot: BotName, tenure: Pick<Tenure, "epoch" | "id">, end: ReignEnd): Promise<boolean>;
  look(bot: BotName): Promise<BotWriters>;
  /** Tells the channel; whom it concerns acts on it. A pause is also kept, for those who take later. */
  ask(bot: BotName, request: WriterRequest): Promise<void>;
}
