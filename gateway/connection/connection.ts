/**
 * One connection: bytes to inputs, inputs through transition.ts, effects to the wire and to the owner; it decides nothing
 * about states itself. It is read unless somebody holds it, as from its identity until the pod knows what it thinks of the
 * device (`decided`); what it said already waits then, at most one chunk of bytes. Whether it lives is found by its watch;
 * whether an action may still be written is asked of its gate, when the action's turn in the wire has come.
 */
import type { Evidence } from "#common/contract/evidence.ts";
import type { ConnectionId } from "#common/contract/ids.ts";
import { limits } from "#common/contract/limits.ts";
import { never } from "#common/kernel/assert.ts";
import type { CloseReason } from "#common/observe/metric-catalogue.ts";
import type { ConnectionRole } from "#common/observe/zombie-metrics.ts";
import type { Identity, Session } from "#gateway/platforms/platform.ts";
import { ConnectionLog } from "./connection-log.ts";
import type { ConnectionOptions } from "./connection-options.ts";
import { FrameReader } from "./frame-reader.ts";
import { Gate } from "./gate.ts";
import { HandshakeTime } from "./handshake-time.ts";
import { type Hold, Holds } from "./holds.ts";
import { Intake } from "./intake.ts";
import { RoleGauge } from "./role-gauge.ts";
import { type Effect, type Input, initialState, type State, transition } from "./transition.ts";
import { Watch, type Watched } from "./watch.ts";
import type { WireEnd } from "./wire.ts";
import type { WriteHearing, WriterConnection } from "./writer-connection.ts";

type FrameType = "handshake" | "ping" | "pong" | "action";

export class Connection implements WireEnd, WriterConnection {
  readonly id: ConnectionId;
  readonly session: Session;
  readonly #options: ConnectionOptions<Connection>;
  readonly watch: Watch;
  readonly #log: ConnectionLog;
  readonly #reader: FrameReader;
  readonly #intake: Intake;
  readonly #holds: Holds;
  readonly handshake: HandshakeTime;
  #state: State = initialState;
  #identity: Identity | null = null;
  #since = 0;
  #gate: Gate | null = null;
  /** Of the device's approval. */
  #status = "pending";
  #isAdmitted = false;
  #isLeaving = false;
  /** What is to be done once it is decided; null before the identity and after the decision. */
  #waiting: Effect[] | null = null;
  readonly #role: RoleGauge;
  /** Its peer may be one that does not read: its flush would be waited for until TCP gives up. */
  #isReset = false;

  constructor(options: ConnectionOptions<Connection>) {
    const { random, session, metrics } = options;
    this.id = random.hex(8);
    this.session = session;
    this.#options = options;
    this.handshake = new HandshakeTime(options, () => this.isRead && this.#step({ kind: "handshake_deadline" }));
    this.#role = new RoleGauge(metrics, options.wire.transport);
    this.#holds = new Holds(metrics);
    this.#log = new ConnectionLog(this, options);
    this.#reader = new FrameReader(session, metrics, this.#log);
    this.#intake = new Intake(this, options);
    this.watch = new Watch(this.#watched(), { ...options, role: this.#role, log: this.#log });
  }

  /** Starts the handshake's time. */
  open(): void {
    this.#role.set("handshaking");
    this.handshake.start();
  }

  /** Kept after the end: lines that were read still belong to it. */
  get identity(): Identity | null {
    return this.#identity;
  }

  get isOpen(): boolean {
    return this.#state.phase !== "closed";
  }

  /** null after its end. */
  get role(): ConnectionRole | null {
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

  setRole(role: "writer" | "standby" | "zombie"): void {
    if (this.isOpen) this.#role.set(this.watch.isZombie ? "zombie" : this.#isAdmitted ? role : "unadmitted");
  }

  get isRead(): boolean {
    return !this.#holds.any;
  }

  get device(): string {
    return this.#identity?.device ?? "";
  }

  get since(): number {
    return this.#since;
  }

  get isLiving(): boolean {
    return this.isOpen && !this.watch.isZombie;
  }

  get provenAt(): number {
    return this.watch.provenAt;
  }

  hear(hearing: WriteHearing | null): void {
    this.#gate?.shut();
    this.watch.forget();
    this.#gate = hearing && new Gate(hearing, this.#options.metrics);
  }

  acted(mark: number, busyMs: number): void {
    if (this.isOpen) this.watch.acted(mark, busyMs);
  }

  probe(): void {
    if (this.isOpen) this.watch.probe();
  }

  destroy(evidence: Evidence): void {
    this.#isReset = true;
    this.close(evidence);
  }

  /** The pod knows what it thinks of the device. A ping follows: its answer is signed, and tells a phone that echoes. */
  decided(status: string): void {
    this.#status = status;
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    for (const effect of waiting) if (this.isOpen) this.#do(effect);
    this.release("approval");
    if (this.isOpen) this.watch.start();
  }

  /** `onWritten` as in wire.ts. An action waits for its gate, and without one it is nobody's. */
  write(frame: Uint8Array, type: FrameType, onWritten?: () => void): void {
    const gate = type === "action" ? this.#gate : undefined;
    if (!this.isOpen || gate === null) return;
    this.#options.metrics.frames.inc(1, { direction: "out", type });
    this.#options.wire.write(frame, onWritten, gate);
  }

  hold(why: Hold): void {
    if (!this.isOpen || !this.#holds.add(why)) return;
    this.watch.hold();
    this.#options.wire.pause();
  }

  release(why: Hold): void {
    if (!this.#holds.delete(why) || !this.isOpen) return;
    if (this.#state.phase === "handshaking") this.handshake.start();
    this.watch.release();
    this.#options.wire.resume();
  }

  /** Says nothing more, and hears the peer out: what it has said already is not lost. `close` follows, or its own end. */
  farewell(): void {
    this.#isLeaving = true;
    this.#options.wire.finish();
  }

  /** Ends it from outside. Safe to call twice. */
  close(reason: CloseReason): void {
    this.#step({ kind: "ended", reason });
  }

  onBytes(chunk: Uint8Array): void {
    this.watch.heard();
    const receivedAt = this.#options.clock.nowMs();
    const { frames, tooLarge, heldBytes } = this.session.push(chunk);
    for (const frame of frames) {
      if (!this.isOpen || this.#holds.has("flood")) return;
      const input = this.#reader.read(frame, receivedAt);
      this.#step(input);
      if (input.kind === "chat" && this.#isAdmitted) continue;
      this.#intake.tookOther(input.kind === "fault" ? input.fault : null);
    }
    if (tooLarge) this.#step({ kind: "too_large" });
    if (this.isOpen) this.#intake.took(chunk.byteLength, frames.length, heldBytes);
  }

  onEnded(reason: CloseReason): void {
    this.#step({ kind: "ended", reason: this.#isLeaving ? "drain" : reason });
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
    switch (effect.kind) {
      case "identify":
        this.#identified(effect.identity, effect.by);
        break;
      case "welcome":
        this.write(this.session.welcome(this.#options.clock.nowMs(), this.#status), "handshake");
        break;
      case "ingest":
        this.#options.onLine(this, effect.read);
        break;
      case "answer_ping":
        if (this.#options.believes(this, effect.proof) && this.#isAdmitted) {
          // One that does not take its answers gets no more: it could fill the pod's queues at the price of asking.
          const takesAnswers = this.bufferedBytes <= limits.writeBytesMax;
          if (takesAnswers) this.write(this.session.pong(this.#identity?.bot ?? "", effect.echo), "pong");
          this.#options.onVitals(this, effect.vitals, null);
        }
        break;
      case "measure":
        if (this.#options.believes(this, effect.proof)) this.watch.echoed(effect.token, effect.vitals);
        break;
      case "complain":
        this.#options.metrics.frameErrors.inc(1, { reason: effect.fault });
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

  #watched(): Watched {
    return {
      ping: (token) => this.write(this.session.ping(this.#identity?.bot ?? "", token), "ping"),
      confirmed: (mark) => this.#gate?.confirmed(mark),
      onVitals: (vitals, rttSeconds) => this.#options.onVitals(this, vitals, rttSeconds),
      onVerdict: (evidence) => {
        this.setRole("zombie");
        this.#options.onEvidence(this, evidence);
      },
      onRevived: () => {
        this.setRole("standby");
        this.#options.onRevived(this);
      },
      onOver: (evidence) => this.destroy(evidence),
    };
  }

  #identified(identity: Identity, by: "handshake" | "claims"): void {
    this.handshake.stop("ok");
    this.#identity = identity;
    this.#since = this.#options.clock.nowMs();
    this.#log.say("info", { version: identity.version, by }, "identified");
    this.setRole("standby");
    this.#waiting = [];
    this.#options.onIdentified(this, identity);
    if (this.#waiting !== null) this.hold("approval");
  }

  #closed(reason: CloseReason, discarded: number): void {
    const { metrics, wire, onClosed } = this.#options;
    if (this.#identity === null) this.handshake.stop("refused");
    this.watch.stop(reason);
    this.#intake.ended();
    this.#role.ended(this.handshake.ageSeconds);
    metrics.connectionsClosed.inc(1, { reason });
    this.#holds.clear();
    this.#log.closed(reason, discarded);
    if (this.#isReset || reason === "replaced") wire.destroy();
    else wire.close();
    onClosed(this, reason);
  }
}
