/**
 * A wire is one accepted socket, seen from inside: bytes in, frames out. Listeners make wires, connections use them;
 * neither knows more of the other than this file.
 */
import type { CloseReason } from "#common/observe/metric-catalogue.ts";
import type { Transport } from "#common/observe/zombie-metrics.ts";
import type { WriteGuard } from "./writer-connection.ts";

export interface Wire {
  /** `address:port` of the other end, for the log. */
  readonly peer: string;
  readonly transport: Transport;
  /** Bytes given to `write` whose write callback has not come. */
  readonly bufferedBytes: number;
  /** Monotonic ms at which the system last took something, or the queue began to fill. */
  readonly movedAtMs: number;
  /**
   * Queues the frame behind those before it. `onWritten` is called once, later, when its last byte was taken by the
   * system; never when the wire ended before. A frame that does not fit into the queue ends the wire (write_queue_full).
   * The guard is asked when the first byte would leave, and at each further piece of a frame that leaves in pieces: a
   * frame that may not begin is left out, one that may not go on ends the wire by a reset (half_written).
   */
  write(frame: Uint8Array, onWritten?: () => void, guard?: WriteGuard): void;
  pause(): void;
  resume(): void;
  /** Ends our direction after what is queued: nothing more is written. What the other end still says is read, to its end. */
  finish(): void;
  /** Ends the wire after what is queued, at most a second later. Nothing is read any more. */
  close(): void;
  /** Ends the wire now by a reset; what is queued is lost. Never waits for a peer that does not read. */
  destroy(): void;
}

/** What a wire tells its connection. Never called from inside a call to the wire. */
export interface WireEnd {
  onBytes(chunk: Uint8Array): void;
  /** Last call, exactly once. `reason` is what the wire saw; who ended it knows better. */
  onEnded(reason: CloseReason): void;
}
