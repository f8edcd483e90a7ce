/**
 * Events put aside for a person: each in its lane, under an id of its own, the oldest forgotten when there are too many.
 * Every call rejects with MoaError redis_unavailable.
 */
import type { EventId, Lane } from "../contract/ids.ts";

export interface ParkedRef {
  readonly lane: Lane;
  /** Id of the parked entry, as of a stream. */
  readonly entry: string;
}

export interface ParkedEntry extends ParkedRef {
  readonly id: EventId;
  readonly reason: string;
  /** When it was parked, epoch ms. */
  readonly atMs: number;
  /** Empty when the event cannot be read, or is very long. */
  readonly bot: string;
  readonly channel: string;
}

export interface ParkedEvents {
  /** Of each lane the oldest `limit`. */
  list(limit: number): Promise<readonly ParkedEntry[]>;
  /** The event, encoded, with its id and reason. */
  find(ref: ParkedRef): Promise<{ readonly id: EventId; readonly reason: string; readonly event: string } | null>;
  /** Appends the event to its lane and forgets that it was parked, in one step. False when it is not there (any more). */
  rerun(ref: ParkedRef, event: string): Promise<boolean>;
  /** False when it is not there (any more). */
  drop(ref: ParkedRef): Promise<boolean>;
}
