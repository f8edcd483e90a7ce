/**
 * From a line that was read to an event in its lane.
 *
 *   line ─> refused by admission (admission.ts)       refused, counted
 *        ─> quota of the bot (beyond it the connection is read slower; nothing is lost)
 *        ─> twin of the phone's other API?          refused, counted
 *        ─> quota of the room                       refused, counted
 *        ─> event, with its id and receive time ─> queue of its lane ─> appended: accepted
 *
 * Back-pressure instead of loss: a connection with too many events not yet acknowledged is not read, and when the pod
 * holds too much in all, none is; both go on below half. A connection that closed leaves its events here: they are
 * appended all the same.
 *
 * Late lines: a pod that slept longer than its life may have been taken over, and what it reads then is older than what
 * others have read since. The first line finds it out, before any timer could; from then on nothing is read or appended
 * until tenures are settled. What a connection says whose bot was taken over is late, up to its first answer after that.
 */

import { encodeEvent } from "#common/contract/codec.ts";
import type { ChatEvent, InboundEvent, ReceiptEvent } from "#common/contract/envelope.ts";
import { type BotName, type ConnectionId, eventIdOfFrame, eventIdOfLog, untrustedIdOf } from "#common/contract/ids.ts";
import { laneOf, type Topology } from "#common/contract/lanes.ts";
import { limits } from "#common/contract/limits.ts";
import type { Clock } from "#common/kernel/clock.ts";
import type { Log } from "#common/observe/logger.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import { SPAN_KEYS } from "#common/observe/span-catalogue.ts";
import { traceIdsOf } from "#common/observe/traceparent.ts";
import type { TraceSpan, Tracing } from "#common/observe/tracing.ts";
import type { Hold } from "#gateway/connection/holds.ts";
import type { ReadLine } from "#gateway/connection/transition.ts";
import type { Identity } from "#gateway/platforms/platform.ts";
import { isRefusal, type Refusal, type Trust } from "./admission.ts";
import type { Hearing, LaneQueues, Span } from "./lane-queues.ts";
import { Quota } from "./quota.ts";
import { Twins } from "./twins.ts";

/** What ingest needs of a connection. */
export interface Source {
  readonly id: ConnectionId;
  readonly identity: Identity | null;
  hold(why: Hold): void;
  release(why: Hold): void;
}

export interface IngestOptions {
  readonly topology: Topology;
  readonly botRatePerSecond: number;
  readonly roomRatePerSecond: number;
  readonly queues: LaneQueues;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly tracing: Pick<Tracing, "samples" | "root" | "next">;
  /** Every open connection of the pod. */
  sources(): Iterable<Source>;
  /** False once the pod may have been declared dead, until it is known not to be or has a new incarnation. */
  isAlive(): boolean;
}

interface Intake {
  readonly source: Source;
  readonly twins: Twins;
  span: Span;
  unappended: number;
  throttled: boolean;
  closed: boolean;
}

export class Ingest {
  readonly #options: IngestOptions;
  readonly #bots: Quota;
  readonly #rooms: Quota;
  readonly #warnings: Quota;
  readonly #intakes = new Map<ConnectionId, Intake>();
  #ringFull = false;
  #hasLapsed = false;

  constructor(options: IngestOptions) {
    this.#options = options;
    const keysMax = limits.quotaKeysMax;
    this.#bots = new Quota({ perSecond: options.botRatePerSecond, burst: options.botRatePerSecond, keysMax });
    const burst = options.roomRatePerSecond * limits.quotaBurstSeconds;
    this.#rooms = new Quota({ perSecond: options.roomRatePerSecond, burst, keysMax });
    this.#warnings = new Quota({ perSecond: 1_000 / limits.warnAgainMs, burst: 1, keysMax });
  }

  /** A new connection is not read while the pod holds too much: accepted and paused, so that its phone stays away. */
  opened(source: Source): void {
    const fresh = { span: { late: false }, unappended: 0, throttled: false, closed: false };
    this.#intakes.set(source.id, { source, twins: new Twins(), ...fresh });
    if (this.#ringFull) source.hold("ring");
    if (this.#hasLapsed) source.hold("tenure");
  }

  /** Known until its last line is appended: it may still turn out to be late. */
  closed(source: Source): void {
    const intake = this.#intakes.get(source.id);
    if (intake === undefined) return;
    intake.closed = true;
    if (intake.unappended === 0) this.#intakes.delete(source.id);
  }

  /** The pod may have been declared dead: nothing is read or appended until `settled`. May be said twice. */
  lapsed(): void {
    if (this.#hasLapsed) return;
    this.#hasLapsed = true;
    this.#options.queues.lapsed();
    for (const source of this.#options.sources()) source.hold("tenure");
  }

  /** The bot for which it wrote was taken over meanwhile: all that it said and that is not appended is late. */
  lost(connection: ConnectionId): void {
    const intake = this.#intakes.get(connection);
    if (intake !== undefined) intake.span.late = true;
  }

  /** It has answered what was asked after that: what it says from now on is of now. */
  caughtUp(connection: ConnectionId): void {
    const intake = this.#intakes.get(connection);
    if (intake?.span.late) intake.span = { late: false };
  }

  /** Of every bot it is known who writes. Nothing happens if the pod has lapsed again since. */
  settled(): void {
    if (!this.#options.isAlive()) return;
    this.#options.queues.settled();
    if (!this.#hasLapsed) return;
    this.#hasLapsed = false;
    for (const source of this.#options.sources()) source.release("tenure");
  }

  /** @param source an opened connection that has its identity */
  line(source: Source, read: ReadLine, judgement: Trust | Refusal): void {
    const intake = this.#intakes.get(source.id);
    if (intake === undefined || source.identity === null) return;
    if (!this.#options.isAlive()) this.lapsed();
    if (isRefusal(judgement)) {
      this.#options.metrics.eventsNotAccepted.inc(1, { reason: judgement });
      return;
    }
    const { bot } = source.identity;
    // Who is not approved has no part in the quota of the bot that it names. A bot's name has no such character.
    const payer = judgement === "unapproved" ? `${bot}\0` : bot;
    const nowMs = this.#options.clock.monotonicMs();
    this.#throttle(intake, payer, nowMs);
    if (intake.twins.isTwin(read.line, nowMs)) {
      this.#options.metrics.eventsNotAccepted.inc(1, { reason: "twin" });
    } else if (!this.#rooms.tryTake(`${payer}\0${read.line.channel}`, nowMs)) {
      this.#refuse(bot, read.line.channel, nowMs);
    } else {
      const event = eventOf(source.identity, read, judgement);
      if (this.#options.tracing.samples()) this.#acceptTraced(intake, event);
      else this.#accept(intake, event);
    }
  }

  /** Resolves when the receipt is in its room's lane. Rejects when the pod stopped before. */
  receipt(event: ReceiptEvent): Promise<void> {
    return new Promise((resolve, reject) => this.#append(event, { span: null, appended: resolve, failed: reject }));
  }

  #acceptTraced(intake: Intake, event: ChatEvent): void {
    const { tracing, clock, topology } = this.#options;
    const at = clock.nowMs();
    const attributes = { [SPAN_KEYS.eventId]: event.id };
    const received = tracing.root("lineReceived", { at: event.receivedAt, attributes });
    received?.end(at);
    const lane = `${laneOf(topology, event.bot, event.channel)}`;
    const append =
      received &&
      tracing.next("laneAppend", received.trace, { at, attributes: { ...attributes, [SPAN_KEYS.lane]: lane } });
    this.#accept(intake, append === undefined ? event : { ...event, trace: append.trace }, append);
  }

  /** @param span of the append, when the line is sampled */
  #accept(intake: Intake, event: ChatEvent, span?: TraceSpan): void {
    const { clock, metrics, log } = this.#options;
    const { bot, receivedAt } = event;
    const { id } = intake.source;
    if (++intake.unappended > limits.unappendedPerConnectionMax) intake.source.hold("unappended");
    const settled = () => {
      if (--intake.unappended <= limits.unappendedPerConnectionMax / 2) intake.source.release("unappended");
      if (intake.closed && intake.unappended === 0) this.#intakes.delete(id);
    };
    this.#append(event, {
      span: intake.span,
      appended: () => {
        metrics.deliverySeconds.observe((clock.nowMs() - receivedAt) / 1_000, { leg: "in" });
        span?.end(clock.nowMs());
        settled();
      },
      failed: (error) => {
        log.error({ event: event.id, bot, ...traceIdsOf(event.trace), err: error }, "a line was read and not appended");
        span?.end(clock.nowMs(), { [SPAN_KEYS.error]: "not_appended" });
        settled();
      },
    });
  }

  /** Callbacks, not promises: each line would make four. */
  #append(event: InboundEvent, hearing: Hearing): void {
    const { topology, queues, metrics } = this.#options;
    const { kind } = event;
    metrics.eventsReceived.inc(1, { kind });
    queues.append(laneOf(topology, event.bot, event.channel), encodeEvent(event), {
      span: hearing.span,
      appended: () => {
        metrics.eventsAppended.inc(1, { kind });
        this.#drainRing();
        hearing.appended();
      },
      failed: (error) => {
        this.#drainRing();
        hearing.failed(error);
      },
    });
    if (!this.#ringFull && queues.waitingBytes > queues.waitingBytesMax) this.#fillRing(true);
  }

  #drainRing(): void {
    if (!this.#ringFull) return;
    const { waitingBytes, waitingBytesMax } = this.#options.queues;
    if (waitingBytes < waitingBytesMax / 2) this.#fillRing(false);
  }

  #fillRing(full: boolean): void {
    this.#ringFull = full;
    this.#options.log.warn({ full, events: this.#options.queues.waitingEvents }, "the lanes are away or full");
    for (const source of this.#options.sources()) {
      if (full) source.hold("ring");
      else source.release("ring");
    }
  }

  /** What was read is taken; what comes next waits in the socket until the bot is within its quota again. */
  #throttle(intake: Intake, payer: string, nowMs: number): void {
    this.#bots.take(payer, nowMs);
    if (!intake.throttled) this.#holdWhileOverdue(intake, payer, nowMs);
  }

  #holdWhileOverdue(intake: Intake, payer: string, nowMs: number): void {
    const { clock } = this.#options;
    const waitMs = this.#bots.overdueMs(payer, nowMs);
    intake.throttled = waitMs > 0;
    if (waitMs === 0) {
      intake.source.release("quota");
      return;
    }
    intake.source.hold("quota");
    clock.after(Math.ceil(waitMs), () => this.#holdWhileOverdue(intake, payer, clock.monotonicMs()));
  }

  #refuse(bot: BotName, channel: string, nowMs: number): void {
    this.#options.metrics.eventsNotAccepted.inc(1, { reason: "room_quota" });
    if (this.#warnings.tryTake(`${bot}\0${channel}`, nowMs)) {
      this.#options.log.warn({ bot, channel }, "a room is over its quota; its lines are refused");
    }
  }
}

function eventOf({ bot, device, version }: Identity, { line, frame, receivedAt }: ReadLine, trust: Trust): ChatEvent {
  const own = line.logId === null ? eventIdOfFrame(bot, frame) : eventIdOfLog(bot, line.channel, line.logId);
  const id = trust === "trusted" ? own : untrustedIdOf(own);
  const event: ChatEvent = { v: 1, kind: "chat", id, bot, ...line, receivedAt, device, clientVersion: version };
  return trust === "unapproved" ? { ...event, unapproved: true } : event;
}
