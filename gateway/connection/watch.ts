/**
 * Watches one connection: asks its Liveness (writers/liveness.ts) when it is time, and carries out what that says.
 *
 *   off ──start──> watched ──evidence, twice──> zombie ──falseVerdictMs──> over: to be destroyed
 *                     ^──────────any byte──────────┘
 *
 * One timer for all of it. It is moved only to an earlier time; a time that has become later is found when it fires, so
 * that traffic moves no timers but one a barrier. Evidence counts only when it still stands at a second look: timers run
 * before sockets are read, and what would have cleared it may lie in the socket. A look that comes very late, or while
 * the pod's Redis is away, judges nobody: every deadline starts anew.
 */
import { limits } from "#common/contract/limits.ts";
import type { Vitals } from "#common/contract/vitals.ts";
import type { Clock } from "#common/kernel/clock.ts";
import type { Random } from "#common/kernel/random.ts";
import type { CloseReason } from "#common/observe/metric-catalogue.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import { Liveness, type Outgoing, type Silence } from "#gateway/writers/liveness.ts";
import type { ConnectionLog } from "./connection-log.ts";
import type { RoleGauge } from "./role-gauge.ts";

export interface WatchOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Metrics;
  readonly wire: Outgoing;
  readonly role: Pick<RoleGauge, "role">;
  readonly log: Pick<ConnectionLog, "say">;
  /** As in connection-options.ts. */
  mayJudge(): boolean;
}

/** Who is watched. */
export interface Watched {
  ping(token: string): void;
  /** All actions up to that mark were read, or, of a phone that echoes nothing, taken by the system. */
  confirmed(mark: number): void;
  /** With an answer in a while: what phones say of themselves goes on record with the round trip. */
  onVitals(vitals: Vitals, rttSeconds: number): void;
  onVerdict(evidence: Silence): void;
  onRevived(): void;
  /** It was given its time to prove the verdict false, or none, as bytes wait in it that would come out late. */
  onOver(evidence: Silence): void;
}

/** Before evidence that stands is acted on: the loop reads its sockets in between. */
const LOOK_AGAIN_MS = 40;

export class Watch {
  readonly #options: WatchOptions;
  readonly #watched: Watched;
  readonly #liveness: Liveness;
  readonly #onDue = () => this.#look();
  #isOn = false;
  #zombie: Silence | null = null;
  #suspectedMs: number | null = null;
  #counted: "confirmed" | "unconfirmed" | null = null;
  #recordedMs = Number.NEGATIVE_INFINITY;
  #dueMs = Number.POSITIVE_INFINITY;
  #cancel: () => void = () => {};

  constructor(watched: Watched, options: WatchOptions) {
    const { clock, random } = options;
    const idleMs = limits.pingIdleMsMin + random.next() * (limits.pingIdleMsMax - limits.pingIdleMsMin);
    this.#watched = watched;
    this.#options = options;
    this.#liveness = new Liveness({ nonce: random.hex(8), idleMs }, clock.monotonicMs(), clock.nowMs());
  }

  get isZombie(): boolean {
    return this.#zombie !== null;
  }

  get provenAt(): number {
    return this.#liveness.provenAt;
  }

  get silentMs(): number {
    return this.#isOn ? this.#liveness.silentMs(this.#options.clock.monotonicMs()) : 0;
  }

  /** The first ping follows at once, behind what is being written now. */
  start(): void {
    this.#isOn = true;
    const nowMs = this.#options.clock.monotonicMs();
    this.#liveness.restart(nowMs);
    this.#arm(nowMs, nowMs);
  }

  /** It has ended, by whatever was the reason. */
  stop(reason: CloseReason): void {
    this.#isOn = false;
    this.#cancel();
    this.#count(null);
    if (this.#zombie === null) return;
    const result = reason === "closed_by_peer" ? "fin" : reason === "socket_error" ? "already_gone" : "rst";
    this.#options.metrics.zombiesReaped.inc(1, { result });
    this.#zombie = null;
  }

  heard(): void {
    const { clock, metrics, log } = this.#options;
    const nowMs = clock.monotonicMs();
    this.#liveness.heard(nowMs, clock.nowMs());
    if (this.#zombie === null) return;
    metrics.zombieFalsePositives.inc(1, { reason: this.#zombie });
    log.say("warn", { evidence: this.#zombie }, "thought dead, and alive");
    this.#zombie = null;
    this.#liveness.revive(nowMs);
    this.#watched.onRevived();
    this.#step();
  }

  acted(mark: number, busyMs: number): void {
    const { clock } = this.#options;
    const nowMs = clock.monotonicMs();
    this.#liveness.acted({ mark, busyMs, at: clock.nowMs() }, nowMs);
    // It makes nothing due but a barrier: one that the timer comes in time for anyway, unless so many are under way.
    if (this.#liveness.isWindowFull || nowMs + limits.barrierAfterMs < this.#dueMs) this.#step();
  }

  forget(): void {
    this.#liveness.forget();
  }

  probe(): void {
    this.#liveness.probe();
    this.#step();
  }

  /** A frame that carries back a token, of whatever connection. */
  echoed(token: string, vitals: Vitals): void {
    const nowMs = this.#options.clock.monotonicMs();
    const echo = this.#liveness.echoed(token, nowMs);
    if (echo === null) return;
    if (echo.confirmed !== null) this.#watched.confirmed(echo.confirmed);
    this.#step();
    if (echo.rttMs === null) return;
    const seconds = echo.rttMs / 1_000;
    this.#measured(seconds, echo.isBarrier);
    if (nowMs - this.#recordedMs < limits.vitalsEveryMs) return;
    this.#recordedMs = nowMs;
    this.#watched.onVitals(vitals, seconds);
  }

  #measured(seconds: number, isBarrier: boolean): void {
    const { metrics, log, role } = this.#options;
    log.say("debug", { tag: "PING", seconds, isBarrier }, "echoed");
    if (isBarrier) metrics.barrierRttSeconds.observe(seconds);
    else if (role.role !== null) metrics.heartbeatRttSeconds.observe(seconds, { role: role.role });
  }

  hold(): void {
    this.#liveness.hold();
  }

  release(): void {
    this.#liveness.release(this.#options.clock.monotonicMs());
    this.#step();
  }

  #look(): void {
    const { clock, metrics, mayJudge } = this.#options;
    const nowMs = clock.monotonicMs();
    const lateMs = nowMs - this.#dueMs;
    this.#dueMs = Number.POSITIVE_INFINITY;
    metrics.zombieDetectorAt.set(clock.nowMs() / 1_000);
    if (this.#zombie !== null) {
      this.#watched.onOver(this.#zombie);
      return;
    }
    if (lateMs > limits.loopStalledMs || !mayJudge()) this.#liveness.restart(nowMs);
    this.#step();
  }

  #step(): void {
    const { clock, wire } = this.#options;
    while (this.#isOn && this.#zombie === null) {
      const nowMs = clock.monotonicMs();
      const next = this.#liveness.next(nowMs, wire);
      this.#count(this.#liveness.answering);
      if (next.kind === "ping") this.#watched.ping(next.token);
      else if (next.kind === "confirmed") this.#watched.confirmed(next.mark);
      else if (next.kind === "dead") {
        this.#suspect(next.evidence, nowMs);
        return;
      } else {
        this.#suspectedMs = null;
        this.#arm(next.untilMs, nowMs);
        return;
      }
    }
  }

  #suspect(evidence: Silence, nowMs: number): void {
    this.#suspectedMs ??= nowMs;
    const againMs = this.#suspectedMs + LOOK_AGAIN_MS;
    if (nowMs < againMs) this.#arm(againMs, nowMs);
    else this.#condemn(evidence, nowMs);
  }

  #condemn(evidence: Silence, nowMs: number): void {
    const { clock, metrics, log, wire } = this.#options;
    const seconds = Math.max(0, clock.nowMs() - this.#liveness.doubtedAt) / 1_000;
    this.#zombie = evidence;
    this.#suspectedMs = null;
    metrics.zombiesDetected.inc(1, { reason: evidence });
    metrics.zombieDetectionSeconds.observe(seconds, { reason: evidence });
    this.#cancel();
    this.#dueMs = Number.POSITIVE_INFINITY;
    this.#arm(nowMs + limits.falseVerdictMs, nowMs);
    log.say("warn", { evidence, seconds, bufferedBytes: wire.bufferedBytes }, "thought dead");
    this.#watched.onVerdict(evidence);
    if (wire.bufferedBytes > 0) this.#watched.onOver(evidence);
  }

  #arm(untilMs: number, nowMs: number): void {
    if (untilMs >= this.#dueMs) return;
    this.#cancel();
    this.#dueMs = untilMs;
    this.#cancel = this.#options.clock.after(Math.max(0, Math.ceil(untilMs - nowMs)), this.#onDue);
  }

  #count(answering: Liveness["answering"] | null): void {
    const counted = answering === "unknown" ? null : answering;
    if (counted === this.#counted) return;
    const { metrics } = this.#options;
    if (this.#counted !== null) metrics.phones.inc(-1, { class: this.#counted });
    if (counted !== null) metrics.phones.inc(1, { class: counted });
    this.#counted = counted;
  }
}
