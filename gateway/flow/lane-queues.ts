/**
 * The gateway's way into the lanes: one gather per lane, so that at most one append per lane is in flight and order
 * survives errors. An append keeps the incarnation and number of its first try, also when the pod took a new incarnation
 * meanwhile: the lane knows by them that it has the entry already. The number goes on counting under a new incarnation,
 * as it only has to rise.
 *
 * Bounded by who adds: flow/ingest stops the sockets when `waitingBytes` is too much.
 * Place kept: after a pause longer than its life the pod appends nothing until tenures are settled, then marks what
 * waits as late; and the ring for replay after Redis lost what it acknowledged stands here.
 */
import type { Lane, MemberId } from "#common/contract/ids.ts";
import { limits } from "#common/contract/limits.ts";
import type { Clock } from "#common/kernel/clock.ts";
import type { MoaError } from "#common/kernel/errors.ts";
import { Gather, type Waiting } from "#common/kernel/gather.ts";
import type { Random } from "#common/kernel/random.ts";
import type { Log } from "#common/observe/logger.ts";
import type { LaneAppender } from "#common/ports/lane-log.ts";

export interface LaneQueuesOptions {
  readonly appender: LaneAppender;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** The pod's incarnation now. */
  member(): MemberId;
}

/** What the giver of an event hears: exactly one of the two, once. */
export interface Hearing {
  /** The append that holds the event was acknowledged. */
  appended(): void;
  /** The queues were closed before. */
  failed(error: unknown): void;
}

export class LaneQueues {
  readonly #options: LaneQueuesOptions;
  readonly #gathers = new Map<Lane, Gather<string, void>>();
  #waitingBytes = 0;
  #waitingEvents = 0;
  #closed = false;
  #whenIdle: (() => void)[] = [];

  constructor(options: LaneQueuesOptions) {
    this.#options = options;
  }

  /** Bytes of memory held by events that are not acknowledged, roughly. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  get waitingEvents(): number {
    return this.#waitingEvents;
  }

  append(lane: Lane, event: string, hearing: Hearing): void {
    const bytes = Buffer.byteLength(event);
    this.#waitingBytes += bytes + limits.ringOverheadPerEventBytes;
    this.#waitingEvents++;
    const waiting: Waiting<string, void> = {
      item: event,
      bytes,
      resolve: () => {
        this.#settled(bytes);
        hearing.appended();
      },
      reject: (error) => {
        this.#settled(bytes);
        hearing.failed(error);
      },
    };
    this.#gather(lane).put(waiting);
  }

  #settled(bytes: number): void {
    this.#waitingBytes -= bytes + limits.ringOverheadPerEventBytes;
    this.#waitingEvents--;
    if (this.#waitingEvents === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  /** Resolves once nothing waits. */
  idle(): Promise<void> {
    if (this.#waitingEvents === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  /** Gives up what waits: it failed. */
  close(): void {
    this.#closed = true;
    for (const gather of this.#gathers.values()) gather.close();
  }

  #gather(lane: Lane): Gather<string, void> {
    let gather = this.#gathers.get(lane);
    if (gather === undefined) {
      gather = this.#open(lane);
      this.#gathers.set(lane, gather);
      if (this.#closed) gather.close();
    }
    return gather;
  }

  #open(lane: Lane): Gather<string, void> {
    const { appender, clock, random, log, member } = this.#options;
    let firstTry = { number: 0, by: "" };
    return new Gather({
      itemsMax: limits.appendEventsMax,
      bytesMax: limits.appendBytesMax,
      clock,
      random,
      async send(events, number) {
        if (firstTry.number !== number) firstTry = { number, by: member() };
        await appender.append({ lane, by: firstTry.by, number, events });
        return events.map((): void => undefined);
      },
      onRetry(error: MoaError, attempt: number) {
        if (attempt === 0) log.warn({ lane, code: error.code }, "an append is tried again");
      },
    });
  }
}
