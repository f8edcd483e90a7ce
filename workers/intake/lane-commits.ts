/**
 * The lane commit of one owned lane: what settled since the last one goes to Redis as one numbered call. Its retry
 * carries the same number, so that a commit whose answer was lost adds no row and counts nothing twice.
 *
 * It is in no hurry, unless a turn waits for it: the answers have left already, and what a crash makes a next owner run
 * again, the sinks know.
 */
import type { EventId, Lane } from "#common/contract/ids.ts";
import { limits } from "#common/contract/limits.ts";
import { hasCode } from "#common/kernel/errors.ts";
import { Gather, type Waiting } from "#common/kernel/gather.ts";
import type { EventOutcome, LaneCommit, LaneReader, ParkedEvent } from "#common/ports/lane-log.ts";
import type { Tools } from "#workers/pipeline/work.ts";
import type { Progress } from "./progress.ts";

/** One event that is done but for its lane commit. */
export interface Settled {
  readonly entry: string;
  readonly kind: "chat" | "receipt";
  readonly outcome: EventOutcome;
  /** Encoded chat-log rows. */
  readonly rows: readonly string[];
  /** To be remembered as handled; absent for repeats. */
  readonly seen?: EventId;
  readonly parked?: ParkedEvent;
}

export class LaneCommits {
  readonly #gather: Gather<Settled, null>;
  readonly #options: {
    readonly lane: Lane;
    readonly epoch: number;
    readonly reader: LaneReader;
    readonly tools: Tools;
    readonly progress: Progress;
  };
  /** Batch whose content is fixed until Redis has answered for its number. */
  #current: LaneCommit | null = null;

  constructor(options: {
    readonly lane: Lane;
    readonly epoch: number;
    readonly reader: LaneReader;
    readonly tools: Tools;
    readonly progress: Progress;
  }) {
    this.#options = options;
    this.#gather = new Gather<Settled, null>({
      itemsMax: limits.commitEventsMax,
      bytesMax: limits.commitBytesMax,
      clock: options.tools.clock,
      random: options.tools.random,
      // All lanes leave at the same moments, so that those of a shard share a call.
      holdMs: () => limits.commitGridMs - (options.tools.clock.nowMs() % limits.commitGridMs),
      send: (items, number) => this.#send(items, number),
    });
  }

  /** `resolve` when the commit was acknowledged; `reject` when it was refused, or the lane dropped. */
  put(settled: Settled, { resolve, reject }: Pick<Waiting<Settled, null>, "resolve" | "reject">): void {
    let bytes = 64;
    for (const row of settled.rows) bytes += row.length;
    this.#gather.put({ item: settled, bytes, resolve, reject });
  }

  /** Somebody waits for what was added so far. */
  hurry(): void {
    this.#gather.hurry();
  }

  /** Nothing waits for its acknowledgement. */
  get idle(): boolean {
    return this.#gather.waitingBytes === 0;
  }

  close(): void {
    this.#gather.close();
  }

  async #send(items: readonly Settled[], number: number): Promise<null[]> {
    const { tools, reader } = this.#options;
    if (this.#current?.number !== number) this.#current = this.#compose(items, number);
    const sentMs = tools.clock.monotonicMs();
    try {
      const answer = await reader.commit(this.#current);
      tools.metrics.laneCommitSeconds.observe((tools.clock.monotonicMs() - sentMs) / 1_000);
      if (answer === "repeated") tools.metrics.duplicatesSuppressed.inc(1, { layer: "commit" });
    } catch (error) {
      if (hasCode(error, "fenced")) tools.metrics.fencingRejections.inc(1, { point: "commit" });
      throw error;
    }
    for (const { kind, outcome } of items) {
      tools.metrics.eventsHandled.inc(1, { kind, outcome });
      if (outcome === "duplicate") tools.metrics.duplicatesSuppressed.inc(1, { layer: "seen" });
    }
    return items.map(() => null);
  }

  #compose(items: readonly Settled[], number: number): LaneCommit {
    const { lane, epoch, progress } = this.#options;
    const seen: EventId[] = [];
    const rows: string[] = [];
    const parked: ParkedEvent[] = [];
    for (const item of items) {
      progress.done(item.entry, item.outcome);
      if (item.seen !== undefined) seen.push(item.seen);
      for (const row of item.rows) rows.push(row);
      if (item.parked !== undefined) parked.push(item.parked);
    }
    const { position, counts } = progress.takePrefix();
    return { lane, epoch, number, position, seen, rows, counts, parked };
  }
}
