/**
 * One connection: bytes to inputs, inputs through transition.ts, effects to the wire and to the owner. Decides nothing
 * about states itself. A connection is read unless somebody holds it; each reason to hold is given and taken back by its
 * own holder. Nothing is concluded from the silence of a connection that is held.
 *
 * From its identity until the pod knows what it thinks of the device (`decided`) it is not read, and what it said already
 * waits: at most one chunk of bytes.
 */
import type { ConnectionId } from "#common/contract/ids.ts";
import { limits } from "#common/contract/limits.ts";
import type { Vitals } from "#common/contract/vitals.ts";
import { never } from "#common/kernel/assert.ts";
import type { Clock } from "#common/kernel/clock.ts";
import type { Random } from "#common/kernel/random.ts";
import type { Log } from "#common/observe/logger.ts";
import type { CloseReason } from "#common/observe/metric-catalogue.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import type { Identity, Proof, Session } from "#gateway/platforms/platform.ts";
import { ConnectionLog } from "./connection-log.ts";
import { FrameReader } from "./frame-reader.ts";
import type { HeldBytes } from "./held-bytes.ts";
import { OtherFrames } from "./other-frames.ts";
import { Pinger } from "./pinger.ts";
import { type Role, RoleGauge } from "./role-gauge.ts";
import { type Effect, type Input, initialState, type ReadLine, type State, transition } from "./transition.ts";
import type { Wire, WireEnd } from "./wire.ts";

/** Why a connection is not read: its bot's quota, its own unappended events, the pod's ring, the drain, its approval, a flood. */
export type Hold = "quota" | "unappended" | "ring" | "drain" | "approval" | "flood";
type FrameType = "handshake" | "ping" | "pong" | "action";

export interface ConnectionOptions {
  readonly wire: Wire;
  readonly session: Session;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly held: HeldBytes;
  /** Has its identity from now on. `decided` follows, now or later. */
  onIdentified(connection: Connection, identity: Identity): void;
  /** False when nothing may follow from the frame that carries it. */
  believes(connection: Connection, proof: Proof | null): boolean;
  onLine(connection: Connection, read: ReadLine): void;
  /** `rttSeconds` is null of the peer's own ping. */
  onVitals(connection: Connection, vitals: Vitals, rttSeconds: number | null): void;
  /** Exactly once. Its last lines may still be on their way to the lanes. */
  onClosed(connection: Connection): void;
}

export class Connection implements WireEnd {
  readonly id: ConnectionId;
  readonly session: Session;
  readonly #options: ConnectionOptions;
  readonly #pinger: Pinger;
  readonly #log: ConnectionLog;
  readonly #reader: FrameReader;
  readonly #holds = new Set<Hold>();
  readonly #openedAtMs: number;
  #state: State = initialState;
  #identity: Identity | null = null;
  /** Of the device's approval. */
  #status = "pending";
  #isAdmitted = false;
  /** What is to be done once it is decided; null before the identity and after the decision. */
  #waiting: Effect[] | null = null;
  readonly #role: RoleGauge;
  #cancelDeadline: () => void = () => {};
  readonly #others = new OtherFrames();
  /** Before it had its identity: all of it may still be waiting. */
  #bytesBefore = 0;

  constructor(options: ConnectionOptions) {
    const { clock, random, session } = options;
    this.id = random.hex(8);
    this.session = session;
    this.#options = options;
    this.#openedAtMs = clock.monotonicMs();
    this.#role = new RoleGauge(options.metrics);
    this.#log = new ConnectionLog(this, options);
    this.#reader = new FrameReader(session, options.metrics, this.#log);
    this.#pinger = new Pinger({
      clock,
      random,
      ping: (token) => this.write(session.ping(this.#identity?.bot ?? "", token), "ping"),
    });
  }

  /** Starts the handshake's time. */
  open(): void {
    this.#role.set("handshaking");
    this.#startDeadline();
  }

  /** Kept after the end: lines that were read still belong to it. */
  get identity(): Identity | null {
    return this.#identity;
  }

  get isOpen(): boolean {
    return this.#state.phase !== "closed";
  }

  /** null after its end. */
  get role(): Role | null {
    return this.#role.role;
  }

  get bufferedBytes(): number {
    return this.#options.wire.bufferedBytes;
  }

  /** Of the other end, without its port. */
  get address(): string {
    const { peer } = this.#options.wire;
    return peer.slice(0, peer.lastIndexOf(":"));
  }

  /** One of its bot's own: approved, and proven where that is required. */
  get isAdmitted(): boolean {
    return this.#isAdmitted;
  }

  setAdmitted(admitted: boolean): void {
    this.#isAdmitted = admitted;
    this.setRole("standby");
  }

  setRole(role: "writer" | "standby"): void {
    if (this.isOpen) this.#role.set(this.#isAdmitted ? role : "unadmitted");
  }

  /**
   * The pod knows what it thinks of the device.
   * @param probe a signed frame is wanted at once: the answer to a ping is one
   */
  decided(status: string, { probe }: { readonly probe: boolean }): void {
    this.#status = status;
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    this.#pinger.start({ atOnce: probe });
    for (const effect of waiting) if (this.isOpen) this.#do(effect);
    this.release("approval");
  }

  /** `onWritten` as in wire.ts. */
  write(frame: Uint8Array, type: FrameType, onWritten?: () => void): void {
    if (!this.isOpen) return;
    this.#options.metrics.frames.inc(1, { direction: "out", type });
    this.#options.wire.write(frame, onWritten);
  }

  hold(why: Hold): void {
    if (!this.isOpen || this.#holds.has(why)) return;
    this.#holds.add(why);
    if (this.#holds.size > 1) return;
    this.#options.metrics.socketsPaused.inc(1);
    this.#options.wire.pause();
  }

  release(why: Hold): void {
    if (!this.#holds.delete(why) || this.#holds.size > 0) return;
    this.#options.metrics.socketsPaused.inc(-1);
    if (!this.isOpen) return;
    if (this.#state.phase === "handshaking") this.#startDeadline();
    this.#options.wire.resume();
  }

  /** Ends it from outside. Safe to call twice. */
  close(reason: CloseReason): void {
    this.#step({ kind: "ended", reason });
  }

  onBytes(chunk: Uint8Array): void {
    const receivedAt = this.#options.clock.nowMs();
    const { frames, tooLarge, heldBytes } = this.session.push(chunk);
    for (const frame of frames) {
      if (!this.isOpen || this.#holds.has("flood")) return;
      const input = this.#reader.read(frame, receivedAt);
      this.#step(input);
      const isOther = input.kind !== "chat" || !this.#isAdmitted;
      if (isOther && this.#others.areTooMany(this.#options.clock.monotonicMs(), this.#identity !== null))
        this.#endFlood();
    }
    if (tooLarge) this.#step({ kind: "too_large" });
    if (this.isOpen) this.#hold(chunk.byteLength, heldBytes);
  }

  onEnded(reason: CloseReason): void {
    this.#step({ kind: "ended", reason });
  }

  /** Not read any more, and ended later: a flooder that is let go dials again, and a connection costs more than frames. */
  #endFlood(): void {
    this.hold("flood");
    this.#options.clock.after(limits.floodLingerMs, () => this.close("flood"));
  }

  #hold(bytes: number, unfinished: number): void {
    if (this.#identity !== null) {
      this.#options.held.set(this, unfinished);
      return;
    }
    this.#bytesBefore += bytes;
    if (this.#bytesBefore > limits.bytesBeforeHandshakeMax) this.close("frames_before_handshake");
    else this.#options.held.set(this, this.#bytesBefore);
  }

  #step(input: Input): void {
    const { state, effects } = transition(this.#state, input);
    this.#state = state;
    for (const effect of effects) {
      if (this.#waiting === null || effect.kind === "close") this.#do(effect);
      else this.#waiting.push(effect);
    }
  }

  #do(effect: Effect): void {
    const { metrics, clock } = this.#options;
    switch (effect.kind) {
      case "identify":
        this.#identified(effect.identity, effect.by);
        break;
      case "welcome":
        this.write(this.session.welcome(clock.nowMs(), this.#status), "handshake");
        break;
      case "ingest":
        this.#options.onLine(this, effect.read);
        break;
      case "answer_ping":
        if (this.#options.believes(this, effect.proof) && this.#isAdmitted) {
          this.write(this.session.pong(this.#identity?.bot ?? "", effect.echo), "pong");
          this.#options.onVitals(this, effect.vitals, null);
        }
        break;
      case "measure":
        if (this.#options.believes(this, effect.proof)) this.#measure(effect);
        break;
      case "complain":
        metrics.frameErrors.inc(1, { reason: effect.fault });
        this.#log.complain(effect);
        break;
      case "keep_identity":
        this.#log.refused(effect.refused);
        break;
      case "close":
        this.#closed(effect.reason, effect.discarded);
        break;
      default:
        never(effect);
    }
  }

  #measure({ token, vitals }: Effect & { kind: "measure" }): void {
    const seconds = this.#pinger.echoed(token);
    if (seconds === null) return;
    this.#log.say("debug", { tag: "PING", seconds }, "echoed");
    this.#options.onVitals(this, vitals, seconds);
  }

  #identified(identity: Identity, by: "handshake" | "claims"): void {
    this.#cancelDeadline();
    this.#identity = identity;
    this.#options.metrics.handshakeSeconds.observe(this.ageSeconds, { result: "ok" });
    this.#log.say("info", { version: identity.version, by }, "identified");
    this.setRole("standby");
    this.#waiting = [];
    this.#options.onIdentified(this, identity);
    if (this.#waiting !== null) this.hold("approval");
  }

  #closed(reason: CloseReason, discarded: number): void {
    const { metrics, wire, onClosed } = this.#options;
    this.#cancelDeadline();
    this.#pinger.stop();
    this.#options.held.set(this, 0);
    this.#role.set(null);
    metrics.connectionsClosed.inc(1, { reason });
    if (this.#identity === null) metrics.handshakeSeconds.observe(this.ageSeconds, { result: "refused" });
    if (this.#holds.size > 0) metrics.socketsPaused.inc(-1);
    this.#holds.clear();
    this.#log.closed(reason, discarded);
    // A replaced peer may be one that does not read: its flush would be waited for until TCP gives up.
    if (reason === "replaced") wire.destroy();
    else wire.close();
    onClosed(this);
  }

  #startDeadline(): void {
    this.#cancelDeadline();
    this.#cancelDeadline = this.#options.clock.after(limits.handshakeMsMax, () => {
      if (this.#holds.size === 0) this.#step({ kind: "handshake_deadline" });
    });
  }

  get ageSeconds(): number {
    return (this.#options.clock.monotonicMs() - this.#openedAtMs) / 1_000;
  }
}
