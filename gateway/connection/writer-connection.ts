/** What whoever writes for a bot needs of a connection, and what the connection tells him. */
import type { Evidence } from "#common/contract/evidence.ts";
import type { ConnectionId } from "#common/contract/ids.ts";
import type { Session } from "#gateway/platforms/platform.ts";

/** Asked at the last moment: may a write that was queued still begin? */
export interface WriteGuard {
  /** Who refuses counts it. */
  mayBegin(): boolean;
}

/** The reign that writes on the connection. */
export interface WriteHearing extends WriteGuard {
  /** All actions up to the mark were read by the peer (a barrier came back), or taken by the system where none ever comes back. */
  onConfirmed(mark: number): void;
}

export interface WriterConnection {
  readonly id: ConnectionId;
  readonly device: string;
  /** When its handshake was accepted, epoch ms. */
  readonly since: number;
  readonly session: Session;
  readonly isOpen: boolean;
  /** Nothing more may be begun on one that is not. */
  readonly isAdmitted: boolean;
  /** Open, and no verdict stands against it. */
  readonly isLiving: boolean;
  /** Bytes given to it whose write callback has not come. */
  readonly bufferedBytes: number;
  /** Last proof of life, epoch ms: a byte read from it. */
  readonly provenAt: number;
  /**
   * From now on its writes are that reign's; null: nobody's. What an earlier one waits for is told to nobody, and what it
   * queued does not begin any more. A hearing that refused one write is over in the same way, until it is heard again.
   */
  hear(hearing: WriteHearing | null): void;
  /** Queues a frame; withheld if the present hearing may not begin it when its turn comes. */
  write(frame: Uint8Array, type: "action", onWritten?: () => void): void;
  /** All frames of the action `mark` (rising) were queued, and may keep the peer busy for that long: a barrier follows soon. */
  acted(mark: number, busyMs: number): void;
  /** A barrier now: it is doubted. */
  probe(): void;
  setRole(role: "writer" | "standby" | "zombie"): void;
  /** Ends it by a reset; never waits for the peer. */
  destroy(evidence: Evidence): void;
}
