/**
 * One TCP connection of the simulation, from the wire that the gateway writes on to the socket that the phone reads.
 *
 *   write ──> queue ──guard──> in hand ──room──> kernels ──────> inbox ──the phone reads──> room again
 *                                 └── callback when the kernel took it      (where its acknowledgement comes back)
 *
 * As tcp-wire.ts: one write in hand at a time. Faults: each direction may be a black hole from a moment on, for ever:
 * what is in it is lost, also the end of the connection. What came to the phone's kernel before an end is still read.
 */
import { limits } from "#common/contract/limits.ts";
import type { Random } from "#common/kernel/random.ts";
import type { CloseReason } from "#common/observe/metric-catalogue.ts";
import type { Wire, WireEnd } from "#gateway/connection/wire.ts";
import type { WriteGuard } from "#gateway/connection/writer-connection.ts";
import type { FakeClock } from "#test/fixtures/fake-clock.ts";
import type { Process } from "./process.ts";

export type Hole = "up" | "down" | "both";

export interface LinkOptions {
  readonly world: FakeClock;
  readonly random: Random;
  /** Of the gateway. */
  readonly process: Process;
  /** The phone has something to read, or an end. */
  readonly onReadable: () => void;
  /** A frame is given to the system. */
  readonly onBegun: (frame: Uint8Array) => void;
  readonly onOver: () => void;
}

interface Queued {
  readonly frame: Uint8Array;
  readonly onWritten: (() => void) | undefined;
  readonly guard: WriteGuard | undefined;
}

const LATENCY_MS = 3;
/** A few frames, or more than a run writes. */
const KERNEL_BYTES = { small: 1_000, large: 1_000_000 };

export class Link implements Wire {
  readonly peer = "phone:1";
  readonly transport = "tcp";
  readonly #options: LinkOptions;
  readonly #kernelBytes: number;
  readonly #arrives = { up: 0, down: 0 };
  readonly #holes = { up: false, down: false };
  #end: WireEnd | null = null;
  #queue: Queued[] = [];
  #inHand: Queued | null = null;
  /** The system has taken it, and has not said so yet. */
  #isTaken = false;
  #inKernel = 0;
  #bufferedBytes = 0;
  #movedAtMs = 0;
  #state: "open" | "closing" | "over" = "open";
  #isPaused = false;
  #isFinishing = false;
  #isEndSent = false;
  /** Come in and not read by the gateway; null: the phone's end. */
  #unread: (Uint8Array | null)[] = [];
  /** Come in and not read by the phone; null: the end. */
  #inbox: (Uint8Array | null)[] = [];
  #hungUp = false;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#kernelBytes = options.random.next() < 0.3 ? KERNEL_BYTES.small : KERNEL_BYTES.large;
  }

  // The gateway's side.

  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  get movedAtMs(): number {
    return this.#movedAtMs;
  }

  open(end: WireEnd): void {
    this.#end = end;
    this.#hear();
  }

  write(frame: Uint8Array, onWritten?: () => void, guard?: WriteGuard): void {
    if (this.#state !== "open" || this.#isFinishing) return;
    if (this.#bufferedBytes === 0) this.#movedAtMs = this.#options.world.monotonicMs();
    this.#queue.push({ frame, onWritten, guard });
    this.#bufferedBytes += frame.byteLength;
    queueMicrotask(() => this.#options.process.whenRunning(() => this.#pump()));
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#options.process.clock.after(0, () => this.#hear());
  }

  finish(): void {
    this.#isFinishing = true;
    this.#endIfFinished();
  }

  close(): void {
    if (this.#state !== "open") return;
    this.#state = "closing";
    if (this.#bufferedBytes === 0) this.#finish("closed_by_peer");
    else this.#options.process.clock.after(limits.handoverMsMax, () => this.#finish("closed_by_peer"));
  }

  destroy(): void {
    this.#finish("closed_by_peer");
  }

  /** Its process is dead: the system ends it. */
  cut(): void {
    if (this.#state !== "over") this.#over();
  }

  #pump(): void {
    while (this.#inHand === null && this.#state !== "over") {
      const next = this.#queue.shift();
      if (next === undefined) break;
      if (next.guard?.mayBegin() === false) {
        this.#bufferedBytes -= next.frame.byteLength;
        continue;
      }
      this.#options.onBegun(next.frame);
      this.#inHand = next;
      this.#offer(next);
    }
    if (this.#state === "closing" && this.#bufferedBytes === 0) this.#finish("closed_by_peer");
    this.#endIfFinished();
  }

  /** Our direction: the phone reads the end, and may still be read. */
  #endIfFinished(): void {
    if (!this.#isFinishing || this.#isEndSent || this.#state !== "open" || this.#bufferedBytes > 0) return;
    this.#isEndSent = true;
    this.#carry("down", () => this.#arrived(null));
  }

  /** To the system, which takes it when it has room. */
  #offer(queued: Queued): void {
    if (this.#inKernel >= this.#kernelBytes || this.#isTaken) return;
    const { frame, onWritten } = queued;
    this.#isTaken = true;
    this.#inKernel += frame.byteLength;
    this.#carry("down", () => this.#arrived(frame));
    this.#later(() => {
      if (this.#state === "over") return;
      this.#inHand = null;
      this.#isTaken = false;
      this.#bufferedBytes -= frame.byteLength;
      this.#movedAtMs = this.#options.world.monotonicMs();
      onWritten?.();
      this.#pump();
    });
  }

  #hear(): void {
    while (this.#end !== null && this.#unread.length > 0 && !this.#isPaused && this.#state === "open") {
      const chunk = this.#unread.shift();
      if (chunk === null || chunk === undefined) this.#finish("closed_by_peer");
      else this.#end.onBytes(chunk);
    }
  }

  #finish(reason: CloseReason): void {
    if (this.#state === "over") return;
    this.#over();
    this.#later(() => this.#end?.onEnded(reason));
  }

  #over(): void {
    this.#state = "over";
    this.#queue = [];
    this.#bufferedBytes = 0;
    this.#options.onOver();
    this.#carry("down", () => this.#arrived(null));
  }

  // Between the two.

  blackHole(hole: Hole): void {
    if (hole !== "down") this.#holes.up = true;
    if (hole !== "up") this.#holes.down = true;
  }

  #carry(way: "up" | "down", arrived: () => void): void {
    const { world, random } = this.#options;
    const nowMs = world.monotonicMs();
    this.#arrives[way] = Math.max(this.#arrives[way], nowMs + random.next() * LATENCY_MS);
    world.after(this.#arrives[way] - nowMs, () => {
      if (!this.#holes[way]) arrived();
    });
  }

  #later(run: () => void): void {
    this.#options.world.after(1, () => this.#options.process.whenRunning(run));
  }

  #arrived(frame: Uint8Array | null): void {
    if (this.#hungUp) {
      this.#carry("up", () => this.#later(() => this.#finish("socket_error")));
      return;
    }
    this.#inbox.push(frame);
    this.#options.onReadable();
  }

  // The phone's side.

  get isReadable(): boolean {
    return this.#inbox.length > 0;
  }

  /** null: the end. Only what is readable. */
  read(): Uint8Array | null {
    const frame = this.#inbox.shift() ?? null;
    if (frame === null) return null;
    this.#carry("up", () => {
      this.#inKernel -= frame.byteLength;
      this.#options.process.whenRunning(() => {
        if (this.#inHand !== null && this.#state !== "over") this.#offer(this.#inHand);
      });
    });
    return frame;
  }

  send(bytes: Uint8Array): void {
    this.#carry("up", () => this.#come(bytes));
  }

  /** The phone lets go of it; what it had not read is lost. */
  hangUp(): void {
    this.#hungUp = true;
    this.#inbox = [];
    this.#carry("up", () => this.#come(null));
  }

  #come(chunk: Uint8Array | null): void {
    if (this.#state !== "open") return;
    this.#unread.push(chunk);
    this.#options.process.whenRunning(() => this.#hear());
  }
}
