/**
 * What one connection shows of being alive, and what of it was proven read: pure. Whoever owns it gives it the time, asks
 * `next` what is to be done now and when to ask again, and tells it what came in.
 *
 *   acted ──barrierAfterMs, or unconfirmedActionsMax of them──> barrier under way ──echo──> confirmed, all before it
 *                                                                    │ the next one carries what was acted since
 *   silent ──idleMs──> ping under way ──any byte──> cleared          │
 *                          │ pongMsMax                               │ barrierMsMax of silence, or barrierBusyMsMax
 *                          v                                         v
 *                  heartbeat_timeout                          barrier_timeout       bytes that wait: write_stalled
 *
 * A barrier is a ping with actions before it. Phones handle frames in order, so an echo answers all pings before it too;
 * its token names the connection, because a phone sends an echo that failed again on its next one. Every deadline is
 * longer by the media that stand unconfirmed: a phone reads nothing while it shows them. Deadlines start anew, in full,
 * after a time in which the silence was our own: the connection was not read, Redis was away, the loop stood still.
 *
 * A phone that speaks though the time to answer its first ping is over is `unconfirmed`: that it echoes nothing says
 * nothing, and what the system took is all that can be known of it, until it echoes after all. Bytes from before that time
 * is over tell it from no phone that died meanwhile.
 */
import type { Evidence } from "#common/contract/evidence.ts";
import { limits } from "#common/contract/limits.ts";

/** `unknown` until a ping was answered, or the phone spoke and had answered none. */
export type Answering = "unknown" | "confirmed" | "unconfirmed";
export type Silence = Extract<Evidence, "heartbeat_timeout" | "barrier_timeout" | "write_stalled">;

/** What of ours the wire still has. Times are monotonic ms. */
export interface Outgoing {
  readonly bufferedBytes: number;
  /** When the system last took something, or began to be given something. */
  readonly movedAtMs: number;
}

/** An action whose frames are all queued. */
export interface Acted {
  readonly mark: number;
  readonly busyMs: number;
  /** Epoch ms. */
  readonly at: number;
}

export type Next =
  | { readonly kind: "ping"; readonly token: string }
  /** Of a phone that echoes nothing: the system took all up to the mark. */
  | { readonly kind: "confirmed"; readonly mark: number }
  | { readonly kind: "dead"; readonly evidence: Silence }
  | { readonly kind: "wait"; readonly untilMs: number };

export interface Echo {
  /** null when the connection was not read meanwhile: that says nothing of the phone. */
  readonly rttMs: number | null;
  readonly isBarrier: boolean;
  /** The highest mark that it proves read; null when none is new. */
  readonly confirmed: number | null;
}

interface Unconfirmed extends Acted {
  /** Rises over all reigns, as marks do not. */
  readonly order: number;
  readonly reign: number;
  readonly atMs: number;
}

interface Ping {
  readonly token: string;
  readonly sentMs: number;
  /** Actions up to that order were given to the wire before it. */
  readonly covers: number;
  readonly isBarrier: boolean;
}

export interface LivenessOptions {
  /** Names the connection. */
  readonly nonce: string;
  /** Silence after which it is pinged: its own, so that those that came together are not pinged together. */
  readonly idleMs: number;
}

export class Liveness {
  readonly #options: LivenessOptions;
  #answering: Answering = "unknown";
  #provenAt: number;
  #heardMs: number;
  /** Every deadline counts from here at the earliest. */
  #restartedMs: number;
  #isHeld = false;
  /** The first ping is asked for by the start: it tells whether the phone echoes. */
  #isAskedFor = true;
  #pings = 0;
  /** Oldest first; at most a ping and a barrier. */
  #underWay: Ping[] = [];
  #firstPingMs = Number.POSITIVE_INFINITY;
  #pingedMs = Number.NEGATIVE_INFINITY;
  /** Oldest first; as many as whoever acts allows himself. */
  readonly #unconfirmed: Unconfirmed[] = [];
  #busyMs = 0;
  #order = 0;
  #reign = 0;

  /** @param nowMs monotonic, as everywhere below. @param at epoch ms */
  constructor(options: LivenessOptions, nowMs: number, at: number) {
    this.#options = options;
    this.#heardMs = nowMs;
    this.#restartedMs = nowMs;
    this.#provenAt = at;
  }

  get answering(): Answering {
    return this.#answering;
  }

  /** When the last byte came, epoch ms. */
  get provenAt(): number {
    return this.#provenAt;
  }

  /** Since when its life is in doubt, epoch ms: from the last byte, or the first unconfirmed action after it. */
  get doubtedAt(): number {
    return Math.max(this.#provenAt, this.#unconfirmed[0]?.at ?? 0);
  }

  /** Whoever acts may go no further before a confirmation. */
  get isWindowFull(): boolean {
    return this.#unconfirmed.length >= limits.unconfirmedActionsMax;
  }

  /** Its silence as evidence counts it, ms; 0 while it is not judged: it echoes nothing, or is not read. */
  silentMs(nowMs: number): number {
    if (this.#answering !== "confirmed" || this.#isHeld) return 0;
    return Math.max(0, nowMs - Math.max(this.#heardMs, this.#restartedMs) - this.#busyMs);
  }

  /** Any byte came. */
  heard(nowMs: number, at: number): void {
    this.#heardMs = nowMs;
    this.#provenAt = at;
  }

  acted(acted: Acted, nowMs: number): void {
    const { mark, busyMs, at } = acted;
    this.#unconfirmed.push({ mark, busyMs, at, atMs: nowMs, order: ++this.#order, reign: this.#reign });
    this.#busyMs += busyMs;
  }

  /** Marks from now on are another reign's; those so far are confirmed to nobody. Their media go on being shown. */
  forget(): void {
    this.#reign++;
  }

  /** It is doubted: a ping now, unless one is under way whose answer will tell. */
  probe(): void {
    this.#isAskedFor = !this.#underWay.some(({ isBarrier, sentMs }) => isBarrier || sentMs >= this.#heardMs);
  }

  /** null when the token is not of a ping under way: another connection's, an invention, or one answered already. */
  echoed(token: string, nowMs: number): Echo | null {
    const index = this.#underWay.findIndex((ping) => ping.token === token);
    const ping = this.#underWay[index];
    if (ping === undefined) return null;
    this.#underWay.splice(0, index + 1);
    this.#answering = "confirmed";
    const { sentMs, covers, isBarrier } = ping;
    const rttMs = this.#restartedMs > sentMs ? null : nowMs - sentMs;
    return { rttMs, isBarrier, confirmed: this.#confirm(covers) };
  }

  /** It is not read for now. */
  hold(): void {
    this.#isHeld = true;
  }

  release(nowMs: number): void {
    this.#isHeld = false;
    this.restart(nowMs);
  }

  /** The silence so far may have been our own. */
  restart(nowMs: number): void {
    this.#restartedMs = nowMs;
  }

  /** It was thought dead, and speaks. What was under way is nobody's any more; it is asked at once whether it listens. */
  revive(nowMs: number): void {
    this.#confirm(this.#order);
    this.#underWay = [];
    this.#isAskedFor = true;
    this.restart(nowMs);
  }

  /** To be asked again at once, until it says `wait`, and after everything that is told it. */
  next(nowMs: number, out: Outgoing): Next {
    if (this.#answering === "unknown" && this.#heardMs >= this.#answerDueMs) this.#answering = "unconfirmed";
    if (this.#answering === "unconfirmed" && out.bufferedBytes === 0) {
      const mark = this.#confirm(this.#order);
      if (mark !== null) return { kind: "confirmed", mark };
    }
    const pingMs = this.#pingDueMs();
    if (pingMs <= nowMs) return { kind: "ping", token: this.#ping(nowMs) };
    const [deadMs, evidence] = this.#deadDue(out);
    if (deadMs <= nowMs) return { kind: "dead", evidence };
    return { kind: "wait", untilMs: Math.min(pingMs, deadMs, this.#takenDueMs(nowMs)) };
  }

  #ping(nowMs: number): string {
    const isBarrier = this.#uncovered !== undefined && this.#answering !== "unconfirmed";
    if (this.#pings === 0) this.#firstPingMs = nowMs;
    const token = `${this.#options.nonce}.${++this.#pings}`;
    // A ping that bytes have cleared is not waited for any more.
    if (!isBarrier) this.#underWay = [];
    this.#underWay.push({ token, sentMs: nowMs, covers: this.#order, isBarrier });
    this.#pingedMs = nowMs;
    this.#isAskedFor = false;
    return token;
  }

  #pingDueMs(): number {
    if (this.#isAskedFor && !this.#isHeld) return Number.NEGATIVE_INFINITY;
    if (this.#answering !== "unconfirmed") {
      if (this.#barrier !== undefined) return Number.POSITIVE_INFINITY;
      const first = this.#uncovered;
      if (first !== undefined && this.isWindowFull) return first.atMs;
      if (first !== undefined) return first.atMs + limits.barrierAfterMs;
    }
    if (this.#isHeld) return Number.POSITIVE_INFINITY;
    return Math.max(this.#heardMs, this.#pingedMs, this.#restartedMs) + this.#options.idleMs;
  }

  /** The earliest time at which it is dead if nothing changes, and by what. */
  #deadDue(out: Outgoing): readonly [atMs: number, evidence: Silence] {
    let due: [number, Silence] = [Number.POSITIVE_INFINITY, "heartbeat_timeout"];
    if (this.#isHeld) return due;
    const by = (fromMs: number, lastingMs: number, evidence: Silence) => {
      const atMs = Math.max(fromMs, this.#restartedMs) + lastingMs + this.#busyMs;
      if (atMs < due[0]) due = [atMs, evidence];
    };
    const isWaiting = out.bufferedBytes > 0;
    if (isWaiting) by(out.movedAtMs, limits.writeStalledMs, "write_stalled");
    if (this.#answering === "unconfirmed") return due;
    for (const { isBarrier, sentMs } of this.#underWay) {
      if (isBarrier) {
        const quietMs = Math.max(sentMs, this.#heardMs, isWaiting ? out.movedAtMs : sentMs);
        by(quietMs, limits.barrierMsMax, "barrier_timeout");
        by(sentMs, limits.barrierBusyMsMax, "barrier_timeout");
      } else if (this.#heardMs <= sentMs) by(sentMs, limits.pongMsMax, "heartbeat_timeout");
    }
    return due;
  }

  /** When to see whether the system took more, of a phone that echoes nothing. */
  #takenDueMs(nowMs: number): number {
    const isWaiting = this.#answering === "unconfirmed" && this.#unconfirmed.length > 0;
    return isWaiting ? nowMs + limits.barrierAfterMs : Number.POSITIVE_INFINITY;
  }

  /** When the first ping should have been answered. */
  get #answerDueMs(): number {
    return Math.max(this.#firstPingMs, this.#restartedMs) + limits.pongMsMax + this.#busyMs;
  }

  get #barrier(): Ping | undefined {
    return this.#underWay.find(({ isBarrier }) => isBarrier);
  }

  /** The first action that no ping carries. */
  get #uncovered(): Unconfirmed | undefined {
    const covered = this.#underWay.at(-1)?.covers ?? 0;
    return this.#unconfirmed.find(({ order }) => order > covered);
  }

  /** Highest mark of the present reign among those up to that order; null when there is none. */
  #confirm(upTo: number): number | null {
    let mark: number | null = null;
    let count = 0;
    for (const one of this.#unconfirmed) {
      if (one.order > upTo) break;
      count++;
      this.#busyMs -= one.busyMs;
      if (one.reign === this.#reign) mark = one.mark;
    }
    this.#unconfirmed.splice(0, count);
    return mark;
  }
}
