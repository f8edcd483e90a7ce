/**
 * One TCP socket as a wire.
 *
 *   write ──> queue ──guard──> frames joined or cut to writeBytesMax ──> one write in Node's hands ──callback──> next
 *                       └── may not begin: left out; may not go on: the socket is reset
 *
 * At most one write is handed to Node at a time, so that what is not yet begun can still be withheld, and so that a
 * callback says exactly which frames have left. Node's own queue would tell neither.
 */
import type { Socket } from "node:net";
import { limits } from "#common/contract/limits.ts";
import type { Clock } from "#common/kernel/clock.ts";
import type { CloseReason } from "#common/observe/metric-catalogue.ts";
import type { Transport } from "#common/observe/zombie-metrics.ts";
import type { Wire, WireEnd } from "#gateway/connection/wire.ts";
import type { WriteGuard } from "#gateway/connection/writer-connection.ts";
import type { Capacity } from "./capacity.ts";
import { hasProxySignature } from "./proxy-protocol.ts";

export interface TcpWireOptions {
  readonly socket: Socket;
  /** The socket below TLS; else the same. */
  readonly raw: Socket;
  readonly peer: string;
  /** No proxy stands before it: a PROXY header is a lie, or a load balancer that is missing in our settings. */
  readonly isDirect: boolean;
  readonly clock: Clock;
  readonly capacity: Capacity;
}

interface Queued {
  readonly frame: Uint8Array;
  readonly onWritten: (() => void) | undefined;
  readonly guard: WriteGuard | undefined;
}

interface Chunk {
  readonly bytes: Uint8Array;
  /** Callbacks of the frames whose last byte is in it. */
  readonly ends: readonly (() => void)[];
}

export class TcpWire implements Wire {
  readonly peer: string;
  readonly transport: Transport;
  readonly #socket: Socket;
  readonly #raw: Socket;
  readonly #clock: Clock;
  readonly #capacity: Capacity;
  #queue: Queued[] = [];
  /** Bytes of the first queued frame that have left already. */
  #offset = 0;
  #bufferedBytes = 0;
  #pumping = false;
  /** When the system last took something from us. */
  #movedAtMs: number;
  #closing = false;
  #finishing = false;
  #isPaused = false;
  /** Until its first bytes have come. */
  #isProxyRefused: boolean;
  #reason: CloseReason = "closed_by_peer";

  constructor({ socket, raw, peer, isDirect, clock, capacity }: TcpWireOptions) {
    this.#socket = socket;
    this.#raw = raw;
    this.#clock = clock;
    this.#capacity = capacity;
    this.#isProxyRefused = isDirect;
    this.#movedAtMs = clock.monotonicMs();
    this.peer = peer;
    this.transport = socket === raw ? "tcp" : "tls";
  }

  /** Starts telling `end`. */
  open(end: WireEnd): void {
    const socket = this.#socket;
    socket.on("data", (chunk: Uint8Array) => {
      if (this.#isProxyRefused) this.#refuseProxy(chunk);
      if (!this.#closing) end.onBytes(chunk);
    });
    socket.on("end", () => socket.destroy());
    socket.on("error", () => {
      if (!this.#closing) this.#reason = "socket_error";
    });
    socket.on("close", () => {
      this.#closing = true;
      this.#queue = [];
      this.#buffered(-this.#bufferedBytes);
      end.onEnded(this.#reason);
    });
    // Paused where a PROXY header stood before the first bytes, unless its connection has said otherwise.
    if (!this.#isPaused) socket.resume();
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  get movedAtMs(): number {
    return this.#movedAtMs;
  }

  write(frame: Uint8Array, onWritten?: () => void, guard?: WriteGuard): void {
    if (this.#closing || this.#finishing) return;
    if (!this.#hasRoomFor(frame)) {
      this.#reason = "write_queue_full";
      this.destroy();
      return;
    }
    this.#queue.push({ frame, onWritten, guard });
    this.#buffered(frame.byteLength);
    if (this.#pumping) return;
    this.#pumping = true;
    this.#movedAtMs = this.#clock.monotonicMs();
    // One microtask later: frames of one tick share a write.
    queueMicrotask(() => this.#pump());
  }

  pause(): void {
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (!this.#closing) this.#socket.resume();
  }

  finish(): void {
    if (this.#closing) return;
    this.#finishing = true;
    if (!this.#pumping) this.#socket.end();
  }

  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#socket.pause();
    if (!this.#pumping) this.#socket.destroySoon();
    const cancel = this.#clock.after(limits.handoverMsMax, () => this.#raw.destroy());
    this.#socket.once("close", cancel);
  }

  destroy(): void {
    this.#closing = true;
    this.#queue = [];
    const { writableEnded, writableFinished, writableLength } = this.#socket;
    // From its shutdown to that one's callback, in the next loop, Node cannot reset a socket: it would never close.
    const isEnding = writableEnded && !writableFinished && writableLength === 0;
    if (isEnding) this.#socket.once("finish", () => this.#raw.resetAndDestroy());
    else this.#raw.resetAndDestroy();
  }

  #pump(): void {
    const chunk = this.#next();
    if (chunk === null) {
      this.#pumping = false;
      if (this.#closing) this.#socket.destroySoon();
      else if (this.#finishing) this.#socket.end();
      return;
    }
    this.#socket.write(chunk.bytes, (error) => {
      // After an error the socket closes by itself, and nothing more was written for sure.
      if (error || this.#socket.destroyed) return;
      this.#movedAtMs = this.#clock.monotonicMs();
      this.#buffered(-chunk.bytes.byteLength);
      for (const onWritten of chunk.ends) onWritten();
      this.#pump();
    });
  }

  /** Takes up to writeBytesMax of what may leave: many frames joined, or a piece of a large one. */
  #next(): Chunk | null {
    const parts: Uint8Array[] = [];
    const ends: (() => void)[] = [];
    let bytes = 0;
    let taken = 0;
    for (const { frame, onWritten, guard } of this.#queue) {
      if (guard !== undefined && !guard.mayBegin()) {
        if (this.#offset > 0) return this.#breakOff();
        this.#buffered(-frame.byteLength);
        taken++;
        continue;
      }
      const part = frame.subarray(this.#offset, this.#offset + limits.writeBytesMax - bytes);
      parts.push(part);
      bytes += part.byteLength;
      this.#offset += part.byteLength;
      if (this.#offset < frame.byteLength) break;
      this.#offset = 0;
      taken++;
      if (onWritten !== undefined) ends.push(onWritten);
      if (bytes === limits.writeBytesMax) break;
    }
    this.#queue.splice(0, taken);
    if (parts.length === 0) return null;
    return { bytes: parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts, bytes), ends };
  }

  /** The peer has half of a frame: neither its rest nor anything else may follow. */
  #breakOff(): null {
    this.#reason = "half_written";
    this.destroy();
    return null;
  }

  #buffered(bytes: number): void {
    this.#bufferedBytes += bytes;
    this.#capacity.queued(bytes);
  }

  /** One frame of any size, then up to the limit. While the queues of the pod together are too long, none that stands. */
  #hasRoomFor(frame: Uint8Array): boolean {
    if (this.#bufferedBytes === 0) return true;
    const isStalled = () => this.#clock.monotonicMs() - this.#movedAtMs > limits.writeStalledMs;
    if (this.#capacity.areQueuesFull && this.#bufferedBytes > limits.writeBytesMax && isStalled()) return false;
    return this.#bufferedBytes + frame.byteLength <= limits.writeQueueBytesMax;
  }

  #refuseProxy(chunk: Uint8Array): void {
    this.#isProxyRefused = false;
    if (!hasProxySignature(chunk)) return;
    this.#reason = "proxy_header";
    this.destroy();
  }
}
