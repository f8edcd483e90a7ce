/**
 * One reign: from a tenure that was taken to its end, one connection of this pod writes for the bot. Actions pass through
 * here in sequence:
 *
 *   take ──> | waiting | ──encode, queue──> | queued | ──write callback──> | written | ──barrier came back──> confirmed
 *                 └──passed over (showing.ts), or held for an operator────────────────────────┐      │
 *                                                              receipt appended <─────────────┴──────┘
 *                                                                      v
 *                                                                  finished ──> recorded: Redis has trimmed it
 *
 *   sequence of:   `expected`: next to take    `finishedUpTo`: may be trimmed    `recordedUpTo`: is trimmed
 *
 * No action is begun beyond `recordedUpTo` + unconfirmedActionsMax: so many are in doubt, and no more, when this pod dies.
 * A receipt is in its room's lane before the action is recorded: a crash between the two repeats the action, labelled,
 * and never loses the receipt.
 *
 * A frame that was queued and that this reign did not let begin when its turn came is withheld for good; what follows it
 * would be confirmed in its place. Such a reign is spoilt: it confirms nothing from there on, and the tenure is taken anew.
 */
import { decodeAction } from "#common/contract/codec.ts";
import type { OutboundAction } from "#common/contract/envelope.ts";
import type { BotName } from "#common/contract/ids.ts";
import { limits } from "#common/contract/limits.ts";
import type { Clock } from "#common/kernel/clock.ts";
import type { Log } from "#common/observe/logger.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import type { Tracing } from "#common/observe/tracing.ts";
import type { Taken, Tenure } from "#common/ports/writer-directory.ts";
import type { WriteHearing, WriterConnection } from "#gateway/connection/writer-connection.ts";
import type { Failover } from "#gateway/writers/failover.ts";
import { type ActionInHand, ActionsInHand } from "./actions-in-hand.ts";
import { Leaving } from "./leaving.ts";
import { Recording, type RecordingOptions } from "./recording.ts";
import { Settling, type SettlingOptions } from "./settling.ts";
import { type Showing, showingOf } from "./showing.ts";
import type { ShownLately } from "./shown-lately.ts";

export interface ReignOptions extends RecordingOptions, SettlingOptions {
  readonly bot: BotName;
  readonly connection: WriterConnection;
  readonly taken: Taken;
  readonly lately: ShownLately;
  /** As in showing.ts. */
  readonly doubtBefore: number;
  /** Told of the first frame and the first confirmation; null when nobody was replaced. */
  readonly failover: Failover | null;
  readonly markWrites: boolean;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly tracing: Pick<Tracing, "record">;
  /** The tenure is held, by an incarnation whose life is valid. */
  mayWrite(tenure: Tenure): boolean;
  /** There is room for more actions. */
  onRoom(): void;
}

export class Reign implements WriteHearing {
  readonly connection: WriterConnection;
  readonly generation: string;
  /** Begins nothing while it is. What is queued may leave. */
  isSuspended = false;
  readonly #options: ReignOptions;
  readonly #doubtBelow: number;
  readonly #recording: Recording;
  readonly #settling: Settling;
  readonly #hand: ActionsInHand;
  /** Up to here barriers came back. */
  #mark = 0;
  #busyUntilMs = 0;
  #moving = false;
  #isPaused: boolean;
  #isSpoilt = false;
  /** Nothing is begun any more; `silent`: not even what is queued. */
  #leaving: Leaving | undefined;
  #ended = false;

  constructor(options: ReignOptions) {
    const { generation, first, doubtBelow, paused } = options.taken;
    this.#options = options;
    const move = () => this.move();
    this.#recording = new Recording(options, options.taken, move);
    this.#settling = new Settling(options, move);
    this.connection = options.connection;
    this.generation = generation;
    this.#doubtBelow = doubtBelow;
    this.#isPaused = paused;
    this.#hand = new ActionsInHand(first);
  }

  get tenure(): Tenure {
    return this.#recording.tenure;
  }

  get expected(): number {
    return this.#hand.expected;
  }

  /** What is at or beyond it was not begun by this reign. */
  get doubtBelow(): number {
    return this.#hand.begunBelow;
  }

  /** T0 of its end: the last proof of life, or the first unconfirmed write after it if that was later. Epoch ms. */
  get provenAt(): number {
    return Math.max(this.connection.provenAt, this.#hand.unconfirmed?.startedAt ?? 0);
  }

  /** When the last write can have begun, epoch ms; now while one still may. */
  get stoppedAt(): number {
    return this.#leaving?.stoppedAt ?? this.#options.clock.nowMs();
  }

  /** T0 of a planned end: all was confirmed as it stopped, or else as of any other. */
  get handedOverAt(): number {
    return this.#hand.unconfirmed === undefined ? this.stoppedAt : this.provenAt;
  }

  get isSpoilt(): boolean {
    return this.#isSpoilt;
  }

  get hasRoom(): boolean {
    return !this.#ended && this.#leaving === undefined && this.#hand.hasRoom;
  }

  take(firstSequence: number, actions: readonly string[]): void {
    if (this.#ended || this.#leaving !== undefined) return;
    this.#hand.take(firstSequence, actions);
    this.move();
  }

  /** The same connection goes on under a tenure that was taken again: what it wrote is still to be confirmed. */
  goOn(taken: Taken): void {
    this.#recording.goOn(taken);
    this.isSuspended = false;
    this.#isPaused = taken.paused;
    this.move();
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  setPaused(paused: boolean): void {
    this.#isPaused = paused;
    this.move();
  }

  mayBegin(): boolean {
    const may = !this.#ended && !this.#leaving?.hasStopped && this.#options.mayWrite(this.tenure);
    if (!may) this.#isSpoilt = true;
    return may;
  }

  onConfirmed(mark: number): void {
    this.#mark = Math.max(this.#mark, mark);
    this.#confirmWritten();
    this.move();
  }

  /**
   * Begins nothing more and waits for what it wrote: at most `handoverMsMax` beyond its media, or, when the peer is given
   * up, for what is confirmed already to be recorded, which takes a moment.
   */
  async leave({ silent }: { readonly silent: boolean }): Promise<void> {
    if (this.#ended) return;
    this.#leaving = new Leaving(this.#options.clock, silent);
    this.#hand.giveBack();
    if (!silent && this.#hand.hasBegun) this.connection.probe();
    this.#changed();
    const mediaMs = Math.max(0, this.#busyUntilMs - this.#options.clock.monotonicMs());
    await this.#leaving.wait(silent ? limits.confirmGatherMs * 2 : limits.handoverMsMax + mediaMs);
  }

  /** The connection ended: what was written and not confirmed never will be. */
  connectionClosed(): void {
    this.#changed();
  }

  /** Late callbacks change nothing after it. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#isSpoilt = true;
    this.#recording.end();
    this.#settling.end();
    this.#options.failover?.close("unproven");
  }

  /** Writes what it may and lets go of what is finished, until neither moves. */
  move(): void {
    if (this.#moving || this.#ended) return;
    this.#moving = true;
    const roomBefore = this.hasRoom;
    do this.#hand.release();
    while (this.#begin());
    this.#moving = false;
    this.#recording.record(this.#hand.finishedUpTo);
    this.#changed();
    if (this.hasRoom && !roomBefore) this.#options.onRoom();
  }

  /** True when the next to let go may be finished already. */
  #begin(): boolean {
    for (let next = this.#hand.waiting; next !== undefined && this.#mayBegin(next); next = this.#hand.waiting) {
      this.#show(this.#hand.begin());
      if (this.#hand.isReleasable) return true;
    }
    return false;
  }

  #mayBegin({ sequence }: ActionInHand): boolean {
    const { isOpen, isAdmitted, bufferedBytes } = this.connection;
    if (!isOpen || !isAdmitted || this.#isPaused || this.isSuspended || this.#isSpoilt) return false;
    if (this.#leaving !== undefined) return false;
    if (sequence > this.#recording.upTo + limits.unconfirmedActionsMax) return false;
    // Little waits in the wire, so that little is unknown when it breaks. When nothing of ours is in it, nobody would
    // call back: then one is written in any case.
    if (this.#hand.hasBegun && bufferedBytes >= limits.writeBytesMax) return false;
    return this.#options.mayWrite(this.tenure);
  }

  #show(entry: ActionInHand): void {
    const { bot, clock, lately, doubtBefore, log } = this.#options;
    const nowMs = clock.nowMs();
    entry.startedAt = nowMs;
    let showing: Showing = { kind: "pass", result: "unshowable", receipt: "expired" };
    try {
      const action = decodeAction(entry.encoded);
      entry.action = action;
      showing = showingOf(action, {
        session: this.connection.session,
        nowMs,
        inDoubt: entry.sequence < this.#doubtBelow,
        doubtBefore,
        againBefore: lately.sureFrom + limits.clockSkewMsMax,
        lately: lately.of(action.id),
        mark: this.#options.markWrites ? { epoch: this.tenure.epoch, at: nowMs } : undefined,
      });
    } catch (error) {
      log.error({ bot, sequence: entry.sequence, err: error }, "an action could not be read or encoded");
    }
    if (showing.kind === "pass") this.#settling.pass(entry, showing);
    else if (showing.kind === "show") this.#write(entry, entry.action as OutboundAction, showing);
    else void this.#settling.hold(entry, entry.action as OutboundAction);
  }

  #write(entry: ActionInHand, action: OutboundAction, showing: Extract<Showing, { kind: "show" }>): void {
    const { metrics, clock, failover, lately } = this.#options;
    const { frames, resent, busyMs } = showing;
    lately.note(action.id, "unconfirmed");
    if (resent) {
      metrics.actionsRedelivered.inc(1, { cause: "failover" });
      metrics.ambiguousActions.inc(1, { class: "resend" });
    }
    entry.state = "queued";
    const last = frames.length - 1;
    for (let i = 0; i < last; i++) this.connection.write(frames[i] as Uint8Array, "action");
    this.connection.write(frames[last] as Uint8Array, "action", () => this.#written(entry, action));
    failover?.wrote(entry.startedAt);
    if (busyMs > 0) this.#busyUntilMs = Math.max(clock.monotonicMs(), this.#busyUntilMs) + busyMs;
    this.connection.acted(entry.sequence, busyMs);
  }

  #written(entry: ActionInHand, action: OutboundAction): void {
    if (this.#ended || entry.state !== "queued") return;
    const { clock, metrics, tracing } = this.#options;
    const endedAt = clock.nowMs();
    if (action.askedAt !== undefined) {
      metrics.deliverySeconds.observe(Math.max(0, endedAt - action.askedAt) / 1_000, { leg: "out" });
    }
    tracing.record("deliver", action.trace, { startedAt: entry.startedAt, endedAt });
    entry.state = "written";
    if (entry.sequence <= this.#mark) this.#confirmWritten();
    if (this.#hand.isReleasable || this.#hand.waiting !== undefined) this.move();
  }

  /** In sequence, and only what the system took: a barrier also comes back past a frame that was withheld. */
  #confirmWritten(): void {
    const { lately, metrics, failover, clock } = this.#options;
    for (let one = this.#hand.writtenUpTo(this.#mark); one !== undefined; one = this.#hand.writtenUpTo(this.#mark)) {
      lately.note((one.action as OutboundAction).id, "confirmed");
      metrics.actionsDelivered.inc(1, { result: "confirmed" });
      failover?.confirmed(clock.nowMs());
      this.#settling.settle(one, "confirmed");
    }
  }

  get #isSettled(): boolean {
    const isRecorded = this.#recording.upTo >= this.#hand.finishedUpTo;
    return isRecorded && (!this.#hand.hasBegun || this.#leaving?.silent === true);
  }

  /** Ends the wait of `leave` when nothing more can come. */
  #changed(): void {
    if (this.#leaving === undefined || this.#recording.isBusy || this.#settling.underWay > 0) return;
    if (this.#isSettled || !this.connection.isOpen) this.#leaving.end();
  }
}
