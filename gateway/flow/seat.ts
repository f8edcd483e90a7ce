/**
 * The place of a bot's writer on this pod: the reign that sits in it, if any, and what feeds it.
 *
 *   empty ──open──> reign ──open for the same connection, nothing withheld or lost──> the same reign goes on
 *     ^               │ end
 *     └───────────────┘
 *
 * After a loss of Redis sequences say nothing of what was shown: this pod knows it by the actions' ids (shown-lately.ts).
 * What it cannot know, because another pod may have held the bot in the time whose confirmations are lost, is in doubt if
 * it was asked for before the loss; and of what was put back, all that was asked for before this pod's memory begins.
 */
import type { Evidence } from "#common/contract/evidence.ts";
import type { BotName } from "#common/contract/ids.ts";
import { limits } from "#common/contract/limits.ts";
import { SPAN_KEYS } from "#common/observe/span-catalogue.ts";
import { traceOfTenure } from "#common/observe/traceparent.ts";
import type { Tracing } from "#common/observe/tracing.ts";
import type { OutboxHead, OutboxPiece, OutboxReader } from "#common/ports/outbox.ts";
import type { Taken, Tenure } from "#common/ports/writer-directory.ts";
import type { WriterConnection } from "#gateway/connection/writer-connection.ts";
import type { Failover } from "#gateway/writers/failover.ts";
import { Feed, type ReadCause } from "./feed.ts";
import { Reign, type ReignOptions } from "./reign.ts";
import { ShownLately } from "./shown-lately.ts";

export interface SeatOptions
  extends Omit<ReignOptions, "bot" | "connection" | "taken" | "lately" | "doubtBefore" | "failover" | keyof SeatOwner> {
  readonly outbox: OutboxReader;
  readonly tracing: Pick<Tracing, "root" | "next">;
}

export interface SeatOwner {
  mayWrite(tenure: Tenure): boolean;
  onRoom(): void;
  onFenced(): void;
}

export class Seat {
  readonly #bot: BotName;
  readonly #options: SeatOptions;
  readonly #owner: SeatOwner;
  readonly #feed: Feed;
  readonly #lately: ShownLately;
  #reign: Reign | null = null;
  #takenAt = 0;
  /** Since then nobody else held the bot; null when somebody may have a moment ago. Epoch ms. */
  #heldSince: number | null = null;
  #lostAt = Number.NEGATIVE_INFINITY;

  constructor(bot: BotName, options: SeatOptions, owner: SeatOwner) {
    this.#bot = bot;
    this.#options = options;
    this.#owner = owner;
    this.#feed = new Feed(options.metrics);
    this.#lately = new ShownLately(options.clock);
  }

  get reign(): Reign | null {
    return this.#reign;
  }

  /** Of the present reign, epoch ms. */
  get takenAt(): number {
    return this.#takenAt;
  }

  /** A take of what is not ours is about to be asked for: what comes from here on is the next reign's. */
  expect(): void {
    this.#heldSince = null;
    if (this.#reign === null) this.#feed.restart();
  }

  open(taken: Taken, connection: WriterConnection, failover: Failover | null): void {
    const { clock, log } = this.#options;
    const { epoch, generation, first, next, doubtBelow } = taken;
    const former = this.#reign;
    const isFirst = former === null;
    const at = clock.nowMs();
    this.#takenAt = at;
    if (this.#heldSince === null) this.#lately.begin(at);
    this.#heldSince ??= at;
    const isSame = former?.connection === connection && former.generation === generation && !former.isSpoilt;
    if (isSame) former.goOn(taken);
    else {
      if (former !== null) this.end("superseded");
      this.#reign = this.#crown(taken, connection, failover);
    }
    const found = { waiting: next - first, inDoubt: doubtBelow - first };
    log.info({ bot: this.#bot, connection: connection.id, epoch, at, ...found }, "writer.taken");
    if (!isFirst || first < next) this.#feed.readAgain("attached");
  }

  /** What waits in its socket would come out late. */
  end(evidence: Evidence): void {
    const reign = this.#reign;
    if (reign === null) return;
    const { log, metrics, tracing } = this.#options;
    const { connection, tenure, stoppedAt: at } = reign;
    reign.end();
    this.#reign = null;
    this.#feed.restart();
    connection.hear(null);
    connection.setRole(connection.isLiving ? "standby" : "zombie");
    metrics.tenureAgeSeconds.observe(Math.max(0, at - this.#takenAt) / 1_000);
    const { epoch } = tenure;
    log.info({ bot: this.#bot, connection: connection.id, epoch, at, evidence }, "writer.ended");
    const attributes = { [SPAN_KEYS.epoch]: epoch, [SPAN_KEYS.reason]: evidence };
    tracing.root("tenure", { at: this.#takenAt, attributes }, traceOfTenure(this.#bot, epoch))?.end(at);
    if (connection.isOpen && connection.bufferedBytes > 0) connection.destroy(evidence);
  }

  /** True when the stream is to be read. */
  piece(piece: OutboxPiece): boolean {
    return this.#feed.piece(piece, this.#reign);
  }

  /** Something may have been missed, if only by who is about to sit here. */
  readAgain(cause: ReadCause): void {
    if (this.#reign === null) this.#feed.missed();
    else this.#feed.readAgain(cause);
  }

  /**
   * Redis lost what it acknowledged up to now: what is in hand may have other sequences there. The reign confirms and
   * begins nothing more; it keeps the seat until the bot is taken again.
   */
  lost(at: number): void {
    this.#lostAt = at;
    this.#reign?.end();
  }

  /** Redis may have lost who writes: nothing is begun until it was read that it knows. */
  doubt(): void {
    if (this.#reign !== null) this.#reign.isSuspended = true;
    this.readAgain("renewed");
  }

  isBehind(head: OutboxHead): boolean {
    return this.#reign !== null && this.#feed.isHeadBeyond(head, this.#reign);
  }

  get wantsRead(): boolean {
    const reign = this.#reign;
    if (reign === null || reign.isSpoilt) return false;
    return reign.isSuspended || (reign.hasRoom && this.#feed.isBehind(reign));
  }

  async read(): Promise<void> {
    const reign = this.#reign;
    if (reign === null) return;
    this.#feed.readBegins();
    const asOf = reign.tenure.epoch;
    const { generation, epoch, firstSequence, actions } = await this.#options.outbox.read(this.#bot, reign.expected);
    // Under a tenure that was taken again meanwhile it is read again.
    if (this.#reign !== reign || reign.tenure.epoch !== asOf) return;
    if (epoch !== asOf || generation !== reign.generation) this.#owner.onFenced();
    else {
      reign.isSuspended = false;
      reign.take(firstSequence, actions);
      this.#feed.readEnded(actions.length === 0);
    }
  }

  #crown(taken: Taken, connection: WriterConnection, failover: Failover | null): Reign {
    const owner = this.#owner;
    const isSole = this.#heldSince !== null && this.#heldSince <= this.#lostAt - limits.shownLatelyMs;
    const reign = new Reign({
      ...this.#options,
      bot: this.#bot,
      connection,
      taken,
      failover,
      lately: this.#lately,
      doubtBefore: isSole ? Number.NEGATIVE_INFINITY : this.#lostAt + limits.clockSkewMsMax,
      mayWrite: (tenure) => owner.mayWrite(tenure),
      onRoom: () => owner.onRoom(),
      onFenced: () => owner.onFenced(),
    });
    connection.hear(reign);
    connection.setRole("writer");
    return reign;
  }
}
