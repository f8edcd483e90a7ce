/**
 * Delivery of one bot on this pod: while the bot has a connection here, this listens to its channel and, when the newest
 * connection here is the bot's writer, keeps a reign fed in sequence.
 *
 *   absent ──connection──> subscribe ──> attach ──> reign: pieces in sequence, the stream where they leave a gap
 *                                          ^          │  newer connection here, new incarnation, new generation
 *                                          └── leave ─┘
 *   standby: another pod has a higher tenure. Ends with a new connection here, or a moment after that reign ended.
 *
 * One loop makes all calls to the store, one after another, and looks after each again at what is wanted: a connection
 * that comes or goes meanwhile finds its turn, and no answer meets a state that it was not asked for. Pieces are the fast
 * path and need no place while a call is under way: they only tell how far the stream goes, and it is read up to there.
 *
 * Not promised: a standby is not promoted when the writer's pod dies; its phone comes again. Places kept: `#takeOverSoon`
 * (tenure and membership decide) and, for evidence against a writer, `closed`.
 */
import type { BotName, MemberId } from "#common/contract/ids.ts";
import { backoffMs } from "#common/kernel/backoff.ts";
import { pause } from "#common/kernel/clock.ts";
import { MoaError } from "#common/kernel/errors.ts";
import type { Random } from "#common/kernel/random.ts";
import type { BotChannel, BotListener } from "#common/ports/bot-channel.ts";
import type { Attached, OutboxHead, OutboxPiece, OutboxReader } from "#common/ports/outbox.ts";
import { Reign, type ReignOptions, type WriterConnection } from "./reign.ts";

/** Why a stream is read; `generation` also makes the bot attach again. */
type ReadCause = "attached" | "gap" | "dirty" | "renewed" | "generation";

export interface DeliveryOptions extends Omit<ReignOptions, "bot" | "connection" | "attached" | "onRoom"> {
  readonly outbox: OutboxReader;
  readonly channel: BotChannel;
  readonly random: Random;
  /** The pod's incarnation now. */
  member(): MemberId;
  /** The bot's newest open connection on this pod. */
  newest(bot: BotName): WriterConnection | undefined;
}

type Step = "subscribe" | "unsubscribe" | "leave" | "detach" | "attach" | "read";

export class BotDelivery implements BotListener {
  readonly #bot: BotName;
  readonly #options: DeliveryOptions;
  /** Nothing is wanted and nothing is held: the owner may forget it. */
  readonly #onAbsent: () => void;
  readonly #stop = new AbortController();
  #working: Promise<void> | undefined;
  #subscribed = false;
  #standby = false;
  /** A connection came that was not yet attached: it is newer than any writer that we hear of. */
  #claims = false;
  #cancelTakeOver: () => void = () => {};
  #reign: Reign | null = null;
  /** The pod has a new incarnation, or the outbox a new generation: attach again. */
  #stale = false;
  /** A tenure of ours to end. */
  #leftTenure: number | null = null;
  /** Highest tenure that the channel told of while we attached. */
  #overtakenBy = 0;
  /** The subscription was renewed while we attached. */
  #missed = false;
  /** The stream is to be read until it is empty; `again`: also after the read under way, whose answer may be older. */
  #mustRead = false;
  #mustReadAgain = false;
  /** As far as the stream goes for what pieces told: the sequence after the last. */
  #heard = 0;

  constructor(bot: BotName, options: DeliveryOptions, onAbsent: () => void) {
    this.#bot = bot;
    this.#options = options;
    this.#onAbsent = onAbsent;
  }

  /** A connection of the bot was identified: the newest wins, also over another pod's. */
  connected(): void {
    this.#cancelTakeOver();
    this.#standby = false;
    this.#claims = true;
    this.#wake();
  }

  closed(connection: WriterConnection): void {
    if (this.#reign?.connection === connection) this.#reign.connectionClosed();
    this.#wake();
  }

  /** The pod took a new incarnation: what was attached under the old one is attached again. */
  reborn(): void {
    this.#stale = true;
    this.#wake();
  }

  /** Leaves cleanly. The loop's calls end by their own deadlines; its retries end now. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#cancelTakeOver();
    this.#wake();
    await this.#working;
  }

  onPiece({ generation, firstSequence, actions }: OutboxPiece): void {
    const end = firstSequence + actions.length;
    const reign = this.#reign;
    if (reign !== null && generation !== reign.generation) {
      this.readAgain("generation");
      return;
    }
    const caughtUp = reign !== null && !this.#isBehind(reign);
    this.#heard = Math.max(this.#heard, end);
    if (!caughtUp || end <= reign.expected) return;
    if (firstSequence > reign.expected) this.readAgain("gap");
    else reign.take(firstSequence, actions);
    // What it had no room for is read from the stream later.
    if (this.#isBehind(reign)) this.#wake();
  }

  onWriter(tenure: number | null): void {
    this.#cancelTakeOver();
    if (tenure === null) {
      // With a reign of our own this is the end of an earlier one, told late: nobody else ends ours.
      if (this.#standby) this.#takeOverSoon();
      return;
    }
    this.#overtakenBy = Math.max(this.#overtakenBy, tenure);
    if (this.#reign !== null && tenure > this.#reign.tenure) this.#standBy();
  }

  onRenewed(): void {
    this.#missed = true;
    this.readAgain("renewed");
  }

  /** Something may have been missed. Does nothing in standby, as an attach reads the stream anyway. */
  readAgain(cause: ReadCause): void {
    if (this.#reign === null) return;
    if (!this.#mustRead) this.#options.metrics.sequenceGaps.inc(1, { cause });
    this.#mustRead = true;
    this.#mustReadAgain = true;
    this.#wake();
  }

  /** Is the outbox further than what we have, or of another generation? Also while a read is under way: it may be older. */
  isBehind({ generation, next }: OutboxHead): boolean {
    return this.#reign !== null && (generation !== this.#reign.generation || next > this.#reign.expected);
  }

  get writes(): boolean {
    return this.#reign !== null;
  }

  #isBehind(reign: Reign): boolean {
    return this.#mustRead || this.#heard > reign.expected;
  }

  #wake(): void {
    this.#working ??= this.#work();
  }

  async #work(): Promise<void> {
    // Not within the caller's turn: it may be in the middle of changing what the loop looks at.
    await undefined;
    for (let attempt = 0, step = this.#next(); step !== null; step = this.#next()) {
      try {
        await this.#do(step);
        attempt = 0;
      } catch (error) {
        if (this.#gaveUp(step, error, attempt)) break;
        await pause(this.#options.clock, backoffMs(attempt++, this.#options.random), this.#stop.signal);
      }
    }
    this.#working = undefined;
    if (this.#subscribed || this.#newest() !== undefined) return;
    this.#cancelTakeOver();
    this.#standby = false;
    this.#onAbsent();
  }

  /** A stopping pod tries each thing once: what is left is told by its life key. */
  #gaveUp(step: Step, error: unknown, attempt: number): boolean {
    const expected = error instanceof MoaError && error.outcome === "retry";
    const level = expected ? "warn" : "error";
    if (attempt === 0 || !expected) this.#options.log[level]({ bot: this.#bot, step, err: error }, "delivery waits");
    return this.#stop.signal.aborted;
  }

  #newest(): WriterConnection | undefined {
    return this.#stop.signal.aborted ? undefined : this.#options.newest(this.#bot);
  }

  /** What is to be done now; null when there is nothing until something happens. */
  #next(): Step | null {
    const wanted = this.#newest();
    if (this.#reign !== null && (this.#reign.connection !== wanted || this.#stale)) return "leave";
    if (this.#leftTenure !== null) return "detach";
    if (wanted === undefined) return this.#subscribed ? "unsubscribe" : null;
    if (!this.#subscribed) return "subscribe";
    if (this.#standby) return null;
    if (this.#reign === null) return "attach";
    return this.#isBehind(this.#reign) && this.#reign.hasRoom ? "read" : null;
  }

  async #do(step: Step): Promise<void> {
    const { channel, outbox } = this.#options;
    switch (step) {
      case "subscribe":
        await channel.subscribe(this.#bot, this);
        this.#subscribed = true;
        return;
      case "unsubscribe":
        this.#subscribed = false;
        return channel.unsubscribe(this.#bot);
      case "leave":
        return this.#leave();
      case "detach":
        await outbox.detach(this.#bot, this.#leftTenure as number);
        this.#leftTenure = null;
        return;
      case "attach":
        return this.#attach();
      case "read":
        return this.#read();
    }
  }

  async #attach(): Promise<void> {
    const { outbox, member, newest } = this.#options;
    const connection = newest(this.#bot);
    if (connection === undefined) return;
    this.#stale = false;
    this.#claims = false;
    this.#overtakenBy = 0;
    this.#missed = false;
    this.#heard = 0;
    const attached = await outbox.attach(this.#bot, member(), connection.id);
    this.#reign = this.#open(connection, attached);
    if (this.#overtakenBy > attached.tenure) {
      this.#standBy();
      return;
    }
    connection.setRole("writer");
    if (attached.first < attached.next || this.#missed) this.readAgain("attached");
  }

  #open(connection: WriterConnection, attached: Attached): Reign {
    const { tenure, first, next, ambiguous } = attached;
    this.#options.log.info(
      { bot: this.#bot, connection: connection.id, tenure, waiting: next - first, ambiguous },
      "writer",
    );
    return new Reign({ ...this.#options, bot: this.#bot, connection, attached, onRoom: () => this.#wake() });
  }

  /** Ends our own reign. The tenure is ended only if all that was written is confirmed: else the next must know. */
  async #leave(): Promise<void> {
    const reign = this.#reign;
    if (reign === null) return;
    const clean = await reign.leave();
    if (this.#reign !== reign) return;
    this.#endReign();
    if (clean) this.#leftTenure = reign.tenure;
  }

  #standBy(): void {
    this.#endReign();
    this.#standby = !this.#claims;
  }

  #endReign(): void {
    this.#reign?.end();
    this.#reign?.connection.setRole("standby");
    this.#reign = null;
    this.#mustRead = false;
  }

  async #read(): Promise<void> {
    const reign = this.#reign;
    if (reign === null) return;
    this.#mustRead = true;
    this.#mustReadAgain = false;
    this.#heard = 0;
    const { generation, tenure, firstSequence, actions } = await this.#options.outbox.read(this.#bot, reign.expected);
    if (this.#reign !== reign) return;
    // The channel told it to a subscriber that was away.
    if (tenure > reign.tenure) this.#standBy();
    else if (tenure !== reign.tenure || generation !== reign.generation) this.#stale = true;
    else {
      reign.take(firstSequence, actions);
      if (actions.length === 0) this.#mustRead = this.#mustReadAgain;
    }
  }

  /** The writer elsewhere ended its reign. It may be about to attach a newer connection of its own: let it go first. */
  #takeOverSoon(): void {
    const { clock, random } = this.#options;
    this.#cancelTakeOver = clock.after(50 + Math.floor(random.next() * 200), () => {
      this.#standby = false;
      this.#wake();
    });
  }
}
