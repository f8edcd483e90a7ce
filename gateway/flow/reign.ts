/**
 * One reign: from an attach to its end, one connection of this pod writes for the bot, under one tenure. Actions pass
 * through here in sequence:
 *
 *   take ──> | unwritten | ──encode, write──> | written | ──write callback, receipt appended──> finished ──> confirmed
 *
 *   sequence of:        `expected`: next to take        `finishedUpTo`: may be trimmed     `confirmedUpTo`: is trimmed
 *
 * What is expired or cannot be shown by the phone's dialect passes without being written, in its turn, so that it is
 * trimmed too. A receipt is in its room's lane before the action is confirmed: a crash between the two repeats the
 * action, labelled, and never loses the receipt.
 *
 * The write is a proof that the system took the bytes, no more. Place kept for barriers: a barrier after the write
 * takes the role of the write callback in `#written`; `busyMs` of the action prolongs its deadline.
 */
import { decodeAction } from "#common/contract/codec.ts";
import type { OutboundAction, ReceiptEvent, ReceiptState } from "#common/contract/envelope.ts";
import { type BotName, type ConnectionId, eventIdOfLog } from "#common/contract/ids.ts";
import { limits } from "#common/contract/limits.ts";
import { type Clock, pause } from "#common/kernel/clock.ts";
import type { Log } from "#common/observe/logger.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import type { Tracing } from "#common/observe/tracing.ts";
import type { Attached, Confirmation } from "#common/ports/outbox.ts";
import type { Session } from "#gateway/platforms/platform.ts";

/** What a reign needs of its connection. */
export interface WriterConnection {
  readonly id: ConnectionId;
  readonly session: Session;
  readonly isOpen: boolean;
  /** Nothing more may be begun on one that is not. */
  readonly isAdmitted: boolean;
  readonly bufferedBytes: number;
  write(frame: Uint8Array, type: "action", onWritten?: () => void): void;
  setRole(role: "writer" | "standby"): void;
}

export interface ReignOptions {
  readonly bot: BotName;
  readonly connection: WriterConnection;
  readonly attached: Attached;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly tracing: Pick<Tracing, "record">;
  appendReceipt(event: ReceiptEvent): Promise<void>;
  confirm(confirmation: Confirmation): Promise<void>;
  /** There is room for more actions. */
  onRoom(): void;
}

interface Entry {
  readonly sequence: number;
  readonly encoded: string;
  finished: boolean;
}

export class Reign {
  readonly connection: WriterConnection;
  readonly tenure: number;
  readonly generation: string;
  readonly #options: ReignOptions;
  readonly #resentBelow: number;
  /** The first `#begun` of them were written or passed over; none leaves before those ahead of it. */
  readonly #entries: Entry[] = [];
  #begun = 0;
  #chars = 0;
  #expected: number;
  #finishedUpTo: number;
  #confirmedUpTo: number;
  #confirming = false;
  #receipts = 0;
  #moving = false;
  #leaving: AbortController | undefined;
  #ended = false;

  constructor(options: ReignOptions) {
    const { tenure, generation, first, next, ambiguous } = options.attached;
    this.#options = options;
    this.connection = options.connection;
    this.tenure = tenure;
    this.generation = generation;
    this.#resentBelow = ambiguous ? next : 0;
    this.#expected = first;
    this.#finishedUpTo = first - 1;
    this.#confirmedUpTo = first - 1;
  }

  get expected(): number {
    return this.#expected;
  }

  /** Enough room to make reading the stream worth while. */
  get hasRoom(): boolean {
    return (
      !this.#ended &&
      this.#leaving === undefined &&
      this.#entries.length <= limits.actionsInHandMax / 2 &&
      this.#chars <= limits.actionCharsInHandMax / 2
    );
  }

  /**
   * Takes what it has room for, beginning at `expected`; the rest stays in the stream, which is read again when there is
   * room. A first sequence beyond `expected` means that what was between is gone from the stream for good.
   */
  take(firstSequence: number, actions: readonly string[]): void {
    if (this.#ended || this.#leaving !== undefined) return;
    this.#expected = Math.max(this.#expected, firstSequence);
    if (this.#entries.length === 0) this.#finishedUpTo = this.#expected - 1;
    for (const encoded of actions.slice(this.#expected - firstSequence)) {
      if (this.#entries.length >= limits.actionsInHandMax || this.#chars >= limits.actionCharsInHandMax) break;
      this.#entries.push({ sequence: this.#expected++, encoded, finished: false });
      this.#chars += encoded.length;
    }
    this.#move();
  }

  /**
   * Writes nothing more and waits, at most `handoverMsMax`, for what was written. True when all of it is confirmed: the
   * next writer knows exactly what was not shown. False when something was written, by us or by who left it to us, whose
   * fate is unknown.
   */
  async leave(): Promise<boolean> {
    this.#leaving = new AbortController();
    for (const { encoded } of this.#entries.splice(this.#begun)) this.#chars -= encoded.length;
    this.#changed();
    await pause(this.#options.clock, limits.handoverMsMax, this.#leaving.signal);
    return this.#isSettled && this.#confirmedUpTo + 1 >= this.#resentBelow;
  }

  /** The connection ended: what was written and not called back never will be. */
  connectionClosed(): void {
    this.#changed();
  }

  /** Late callbacks change nothing after it. */
  end(): void {
    this.#ended = true;
  }

  get #isSettled(): boolean {
    return this.#begun === 0 && this.#confirmedUpTo === this.#finishedUpTo;
  }

  /** Writes what the wire has room for and lets go of what is finished, until neither moves. */
  #move(): void {
    if (this.#moving || this.#ended) return;
    this.#moving = true;
    const roomBefore = this.hasRoom;
    do this.#release();
    while (this.#begin());
    this.#moving = false;
    this.#confirm();
    this.#changed();
    if (this.hasRoom && !roomBefore) this.#options.onRoom();
  }

  /** True when the next to let go may be finished already. */
  #begin(): boolean {
    const { connection } = this;
    while (this.#begun < this.#entries.length && connection.isOpen && connection.isAdmitted) {
      // Little waits in the wire, so that little is unknown when it breaks. When nothing of ours is in it, nobody would
      // call back: then one is written in any case.
      if (this.#begun > 0 && connection.bufferedBytes >= limits.writeBytesMax) return false;
      this.#show(this.#entries[this.#begun++] as Entry);
      if (this.#entries[0]?.finished) return true;
    }
    return false;
  }

  #release(): void {
    while (this.#begun > 0 && this.#entries[0]?.finished) {
      const { sequence, encoded } = this.#entries.shift() as Entry;
      this.#begun--;
      this.#chars -= encoded.length;
      this.#finishedUpTo = sequence;
    }
  }

  #show(entry: Entry): void {
    const { bot, connection, clock, metrics, log } = this.#options;
    const nowMs = clock.nowMs();
    const resent = entry.sequence < this.#resentBelow;
    let action: OutboundAction | undefined;
    let frames: readonly Uint8Array[] = [];
    try {
      action = decodeAction(entry.encoded);
      if (action.deadline < nowMs) {
        this.#finish(entry, action, "expired");
        return;
      }
      frames = connection.session.encode(action, { nowMs, resent });
    } catch (error) {
      log.error({ bot, sequence: entry.sequence, err: error }, "an action could not be read or encoded");
    }
    if (action === undefined || frames.length === 0) {
      this.#finish(entry, action, "unshowable");
      return;
    }
    if (resent) metrics.actionsRedelivered.inc(1, { cause: "failover" });
    const last = frames.length - 1;
    for (const [i, frame] of frames.entries()) {
      connection.write(frame, "action", i === last ? () => this.#written(entry, action, nowMs) : undefined);
    }
  }

  #written(entry: Entry, action: OutboundAction, startedAt: number): void {
    if (this.#ended) return;
    const { clock, metrics, tracing } = this.#options;
    const endedAt = clock.nowMs();
    if (action.askedAt !== undefined) {
      metrics.deliverySeconds.observe(Math.max(0, endedAt - action.askedAt) / 1_000, { leg: "out" });
    }
    tracing.record("deliver", action.trace, { startedAt, endedAt });
    this.#finish(entry, action, "confirmed");
  }

  #finish(entry: Entry, action: OutboundAction | undefined, result: "confirmed" | "expired" | "unshowable"): void {
    this.#options.metrics.actionsDelivered.inc(1, { result });
    if (action?.receipt) {
      // What the dialect cannot show will not be shown later either.
      void this.#giveReceipt(entry, action, result === "confirmed" ? "confirmed" : "expired");
      return;
    }
    entry.finished = true;
    this.#move();
  }

  async #giveReceipt(entry: Entry, action: OutboundAction, state: ReceiptState): Promise<void> {
    const { clock, log, appendReceipt } = this.#options;
    const { bot, channel, id } = action;
    this.#receipts++;
    try {
      await appendReceipt({
        v: 1,
        kind: "receipt",
        // No log id of a network looks like this; a repeat of the same receipt has the same id.
        id: eventIdOfLog(bot, channel, `receipt:${id}:${state}`),
        bot,
        channel,
        action: id,
        state,
        receivedAt: clock.nowMs(),
        ...(action.trace === undefined ? {} : { trace: action.trace }),
      });
      entry.finished = true;
    } catch (error) {
      log.warn({ bot, action: id, err: error }, "a receipt was not appended; the action stays in the outbox");
    }
    this.#receipts--;
    this.#move();
    this.#changed();
  }

  #confirm(): void {
    if (this.#confirming || this.#ended || this.#confirmedUpTo === this.#finishedUpTo) return;
    this.#confirming = true;
    void this.#confirmUpTo(this.#finishedUpTo);
  }

  async #confirmUpTo(upTo: number): Promise<void> {
    const { bot, log, confirm } = this.#options;
    const { tenure, generation } = this;
    try {
      await confirm({ bot, tenure, generation, upTo });
      this.#confirmedUpTo = upTo;
    } catch (error) {
      log.warn({ bot, err: error }, "a confirmation was not taken; the actions stay in the outbox");
    }
    this.#confirming = false;
    if (this.#confirmedUpTo === upTo) this.#confirm();
    this.#changed();
  }

  /** Ends the wait of `leave` when nothing more can come. */
  #changed(): void {
    if (this.#leaving === undefined || this.#confirming || this.#receipts > 0) return;
    const hopeless = !this.connection.isOpen;
    if (this.#isSettled || hopeless) this.#leaving.abort();
  }
}
