/**
 * One connection: bytes to inputs, inputs through transition.ts, effects to the wire and to the owner. Decides nothing
 * about states itself. A connection is read unless somebody holds it; each reason to hold is given and taken back by its
 * own holder. Nothing is concluded from the silence of a connection that is held.
 */
import type { ConnectionId } from "#common/contract/ids.ts";
import { limits } from "#common/contract/limits.ts";
import { never } from "#common/kernel/assert.ts";
import type { Clock } from "#common/kernel/clock.ts";
import type { Random } from "#common/kernel/random.ts";
import type { Log } from "#common/observe/logger.ts";
import type { CloseReason } from "#common/observe/metric-catalogue.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import type { Decoded, Identity, Session } from "#gateway/platforms/platform.ts";
import { Pinger } from "./pinger.ts";
import { type Effect, type Input, initialState, type ReadLine, type State, transition } from "./transition.ts";
import type { Wire, WireEnd } from "./wire.ts";

/** Why a connection is not read: its bot's quota, its own unappended events, the pod's ring, the drain. */
export type Hold = "quota" | "unappended" | "ring" | "drain";
type Role = "handshaking" | "writer" | "standby";
type FrameType = "handshake" | "ping" | "pong" | "action";
/** Ends that say nothing against the peer. Any other is our refusal, and somebody has to look at that phone. */
const ORDINARY: ReadonlySet<CloseReason> = new Set(["closed_by_peer", "socket_error", "replaced", "drain"]);

export interface ConnectionOptions {
  readonly wire: Wire;
  readonly session: Session;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Metrics;
  readonly log: Log;
  /** Has its identity from now on. */
  onIdentified(connection: Connection): void;
  onLine(connection: Connection, read: ReadLine): void;
  /** Exactly once. Its last lines may still be on their way to the lanes. */
  onClosed(connection: Connection): void;
}

export class Connection implements WireEnd {
  readonly id: ConnectionId;
  readonly session: Session;
  readonly #options: ConnectionOptions;
  readonly #pinger: Pinger;
  readonly #holds = new Set<Hold>();
  readonly #openedAtMs: number;
  #state: State = initialState;
  #identity: Identity | null = null;
  #role: Role | null = null;
  #cancelDeadline: () => void = () => {};
  #complainedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: ConnectionOptions) {
    const { clock, random, session } = options;
    this.id = random.hex(8);
    this.session = session;
    this.#options = options;
    this.#openedAtMs = clock.monotonicMs();
    this.#pinger = new Pinger({
      clock,
      random,
      ping: (token) => this.write(session.ping(this.#identity?.bot ?? "", token), "ping"),
    });
  }

  /** Starts the handshake's time. */
  open(): void {
    this.setRole("handshaking");
    this.#startDeadline();
  }

  /** Kept after the end: lines that were read still belong to it. */
  get identity(): Identity | null {
    return this.#identity;
  }

  get isOpen(): boolean {
    return this.#state.phase !== "closed";
  }

  get bufferedBytes(): number {
    return this.#options.wire.bufferedBytes;
  }

  setRole(role: Role): void {
    if (!this.isOpen || role === this.#role) return;
    this.#countRole(-1);
    this.#role = role;
    this.#countRole(1);
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
    const { frames, tooLarge } = this.session.push(chunk);
    for (const frame of frames) {
      if (!this.isOpen) return;
      this.#step(this.#read(frame, receivedAt));
    }
    if (tooLarge) this.#step({ kind: "too_large" });
  }

  onEnded(reason: CloseReason): void {
    this.#step({ kind: "ended", reason });
  }

  #read(frame: Uint8Array, receivedAt: number): Input {
    const decoded = this.#decode(frame);
    switch (decoded.kind) {
      case "fault":
      case "refuse":
        return decoded;
      case "chat":
        this.#options.metrics.frames.inc(1, { direction: "in", type: "chat" });
        return { kind: "chat", read: { line: decoded.line, frame, receivedAt }, claims: decoded.claims };
      default:
        this.#options.metrics.frames.inc(1, { direction: "in", type: decoded.kind });
        return decoded;
    }
  }

  /** A codec that throws is our bug, and must not cost the other connections their pod. */
  #decode(frame: Uint8Array): Decoded {
    try {
      return this.session.decode(frame);
    } catch (error) {
      this.#log("error", { tag: "MSG", err: error }, "the codec failed on a line");
      return { kind: "fault", fault: "not_json", detail: "the codec failed" };
    }
  }

  #step(input: Input): void {
    const { state, effects } = transition(this.#state, input);
    this.#state = state;
    for (const effect of effects) this.#do(effect);
  }

  #do(effect: Effect): void {
    const { metrics, clock } = this.#options;
    switch (effect.kind) {
      case "identify":
        this.#identified(effect.identity, effect.by);
        break;
      case "welcome":
        this.write(this.session.welcome(clock.nowMs()), "handshake");
        break;
      case "ingest":
        this.#options.onLine(this, effect.read);
        break;
      case "answer_ping":
        this.write(this.session.pong(this.#identity?.bot ?? "", effect.echo), "pong");
        break;
      case "measure":
        this.#measure(effect.token);
        break;
      case "complain":
        metrics.frameErrors.inc(1, { reason: effect.fault });
        this.#complain(effect);
        break;
      case "keep_identity": {
        const { bot, device } = effect.refused;
        this.#log("warn", { refusedBot: bot, refusedDevice: device }, "a second identity was refused");
        break;
      }
      case "close":
        this.#closed(effect.reason, effect.discarded);
        break;
      default:
        never(effect);
    }
  }

  #measure(token: string): void {
    const seconds = this.#pinger.echoed(token);
    if (seconds !== null) this.#options.metrics.heartbeatRttSeconds.observe(seconds);
  }

  #identified(identity: Identity, by: "handshake" | "claims"): void {
    this.#cancelDeadline();
    this.#identity = identity;
    this.#options.metrics.handshakeSeconds.observe(this.#ageSeconds(), { result: "ok" });
    this.#log("info", { version: identity.version, by }, "identified");
    this.setRole("standby");
    this.#pinger.start();
    this.#options.onIdentified(this);
  }

  #closed(reason: CloseReason, discarded: number): void {
    const { metrics, wire, onClosed } = this.#options;
    this.#cancelDeadline();
    this.#pinger.stop();
    this.#countRole(-1);
    metrics.connectionsClosed.inc(1, { reason });
    if (this.#identity === null) metrics.handshakeSeconds.observe(this.#ageSeconds(), { result: "refused" });
    if (this.#holds.size > 0) metrics.socketsPaused.inc(-1);
    this.#holds.clear();
    this.#log(discarded > 0 || !ORDINARY.has(reason) ? "warn" : "info", { reason, discarded }, "closed");
    // A replaced peer may be one that does not read: its flush would be waited for until TCP gives up.
    if (reason === "replaced") wire.destroy();
    else wire.close();
    onClosed(this);
  }

  /** A broken phone may send bad lines by the thousand: each is counted, one a second is logged. */
  #complain({ fault, detail }: { readonly fault: string; readonly detail: string }): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#complainedAtMs < 1_000) return;
    this.#complainedAtMs = nowMs;
    const level = fault === "unknown_event" ? "warn" : "error";
    this.#log(level, { tag: "MSG", fault, detail }, "a line could not be used");
  }

  #startDeadline(): void {
    this.#cancelDeadline();
    this.#cancelDeadline = this.#options.clock.after(limits.handshakeMsMax, () => {
      if (this.#holds.size === 0) this.#step({ kind: "handshake_deadline" });
    });
  }

  /** Not a child logger each: at 50,000 connections those are memory. */
  #log(level: "info" | "warn" | "error", what: object, says: string): void {
    const { bot, device } = this.#identity ?? {};
    const { log, wire } = this.#options;
    log[level]({ tag: "CLIENT", connection: this.id, peer: wire.peer, bot, device, ...what }, says);
  }

  #ageSeconds(): number {
    return (this.#options.clock.monotonicMs() - this.#openedAtMs) / 1_000;
  }

  #countRole(by: number): void {
    if (this.#role !== null) this.#options.metrics.connections.inc(by, { role: this.#role, transport: "tcp" });
  }
}
