/**
 * The gateway's way into the lanes: one gather per lane, so that at most one append per lane is in flight and order
 * survives errors. An append keeps the incarnation and number of its first try, also when the pod took a new incarnation
 * meanwhile: the lane knows by them that it has the entry already. The number goes on counting under a new incarnation,
 * as it only has to rise.
 *
 *   append ──> gather of its lane ──> lane-appends.ts ──> lane
 *
 * What waits from a connection whose bot was taken over meanwhile leaves marked late.
 *
 * Bounded by who adds: flow/ingest stops the sockets when more than `waitingBytesMax` waits.
 */
import { withField } from "#common/contract/codec.ts";
import type { Lane, MemberId } from "#common/contract/ids.ts";
import { limits } from "#common/contract/limits.ts";
import type { MoaError } from "#common/kernel/errors.ts";
import { Gather, type Waiting } from "#common/kernel/gather.ts";
import { LaneAppends, type LaneAppendsOptions } from "./lane-appends.ts";

export interface LaneQueuesOptions extends LaneAppendsOptions {
  /** The pod's incarnation now. */
  member(): MemberId;
}

/** What one connection says in a row. Once `late`, all of it is that was not appended yet. */
export interface Span {
  late: boolean;
}

/** What the giver of an event hears: exactly one of the two, once. */
export interface Hearing {
  /** Of what connection; null: of none. Read when the event leaves. */
  readonly span: Span | null;
  /** The append that holds the event was acknowledged. */
  appended(): void;
  /** The queues were closed before. */
  failed(error: unknown): void;
}

interface Item {
  readonly event: string;
  readonly span: Span | null;
}

export class LaneQueues {
  readonly #options: LaneQueuesOptions;
  readonly #appends: LaneAppends;
  readonly #gathers = new Map<Lane, Gather<Item, void>>();
  #waitingBytes = 0;
  #waitingEvents = 0;
  #closed = false;
  #whenIdle: (() => void)[] = [];

  constructor(options: LaneQueuesOptions) {
    this.#options = options;
    this.#appends = new LaneAppends(options);
  }

  /** Bytes of memory held by events that are not acknowledged, roughly. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** What the rings of acknowledged events leave for those that wait. */
  get waitingBytesMax(): number {
    return limits.gatewayRingBytesMax - this.#appends.keptBytes;
  }

  get waitingEvents(): number {
    return this.#waitingEvents;
  }

  append(lane: Lane, event: string, hearing: Hearing): void {
    const bytes = Buffer.byteLength(event);
    this.#waitingBytes += bytes + limits.ringOverheadPerEventBytes;
    this.#waitingEvents++;
    const waiting: Waiting<Item, void> = {
      item: { event, span: hearing.span },
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

  /** Redis may have lost what it acknowledged in these shards: it is put back before anything else is appended there. */
  lost(shards: readonly number[]): Promise<void> {
    return this.#appends.lost(shards);
  }

  /** The pod may have been declared dead: nothing is appended until `settled`. */
  lapsed(): void {
    this.#appends.lapsed();
  }

  settled(): void {
    this.#appends.settled();
  }

  #settled(bytes: number): void {
    this.#waitingBytes -= bytes + limits.ringOverheadPerEventBytes;
    this.#waitingEvents--;
    if (this.#waitingEvents === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  /** Resolves once nothing waits, and the lanes have what they lost. */
  async idle(): Promise<void> {
    if (this.#waitingEvents > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
    await this.#appends.whole();
  }

  /** Gives up what waits: it failed. */
  close(): void {
    this.#closed = true;
    for (const gather of this.#gathers.values()) gather.close();
    this.#appends.close();
  }

  #gather(lane: Lane): Gather<Item, void> {
    let gather = this.#gathers.get(lane);
    if (gather === undefined) {
      gather = this.#open(lane);
      this.#gathers.set(lane, gather);
      if (this.#closed) gather.close();
    }
    return gather;
  }

  #open(lane: Lane): Gather<Item, void> {
    const { clock, random, log, member } = this.#options;
    const appends = this.#appends;
    let firstTry = { number: 0, by: "" };
    return new Gather({
      itemsMax: limits.appendEventsMax,
      bytesMax: limits.appendBytesMax,
      clock,
      random,
      async send(items, number) {
        if (firstTry.number !== number) firstTry = { number, by: member() };
        // Before it is known who is late nothing leaves.
        if (!appends.isReady(lane)) await appends.ready(lane);
        await appends.make({ lane, by: firstTry.by, number, events: items.map(textOf) });
        return items.map((): void => undefined);
      },
      onRetry(error: MoaError, attempt: number) {
        if (attempt === 0) log.warn({ lane, code: error.code }, "an append is tried again");
      },
    });
  }
}

function textOf({ event, span }: Item): string {
  return span?.late ? withField(event, "late", true) : event;
}
