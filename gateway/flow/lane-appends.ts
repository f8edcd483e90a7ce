/**
 * Appends to lanes, each kept for a while after it was acknowledged, in case Redis loses it (ADR 0010).
 *
 *   ready ──> does the pod live? ──> is the lane whole? ──> make: append, naming the one before it ──> ring of the shard
 *                │ no                   │ no                         │ "lost"
 *                └> wait for settled    └> wait                      └> heal the lane; the maker tries again
 *
 *   heal     the ring's appends of the lane, in their old order and under their old names and numbers; the lane knows
 *            those that it still has. Tried until all are there. A loss on the way is seen by the next append, or told:
 *            then from the front.
 *
 * A loss is told by who watches the connections (`lost`), and found by the lane itself: an append behind a higher number
 * than what was lost would have it taken for a repeat, so each append names the one before it.
 */
import { withField } from "#common/contract/codec.ts";
import type { Lane } from "#common/contract/ids.ts";
import { shardOf, type Topology } from "#common/contract/lanes.ts";
import { limits } from "#common/contract/limits.ts";
import type { Clock } from "#common/kernel/clock.ts";
import { Due } from "#common/kernel/due.ts";
import { MoaError } from "#common/kernel/errors.ts";
import type { Random } from "#common/kernel/random.ts";
import { Ring } from "#common/kernel/ring.ts";
import type { Log } from "#common/observe/logger.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import type { Append, LaneAppender } from "#common/ports/lane-log.ts";

export interface LaneAppendsOptions {
  /** Whose shards are lost as one: the backends' reach. */
  readonly topology: Topology;
  readonly appender: LaneAppender;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Metrics;
  readonly log: Log;
  /** False once the pod may have been declared dead, until it is known not to be or has a new incarnation. */
  isAlive(): boolean;
}

interface Kept {
  readonly append: Append;
  /** When the lane had it first, by its store's clock. */
  readonly loggedAt: number;
}

interface State {
  readonly lane: Lane;
  readonly ring: Ring<Kept>;
  readonly healing: Due;
  last: Append["after"];
}

export class LaneAppends {
  readonly #options: LaneAppendsOptions;
  readonly #rings: readonly Ring<Kept>[];
  readonly #states = new Map<Lane, State>();
  #closed = false;
  /** Null while appends may be made. */
  #settling: PromiseWithResolvers<void> | null = null;
  readonly #isWanted = () => this.#mayAppend();

  constructor(options: LaneAppendsOptions) {
    const { topology, clock, metrics } = options;
    this.#options = options;
    const short = new Array<number>(topology.shards).fill(0);
    this.#rings = short.map((_, shard) => {
      const onShort = (ms: number) => {
        short[shard] = ms;
        metrics.replayRingShortSeconds.set(Math.max(...short) / 1_000);
      };
      return new Ring({ clock, keptMs: limits.replayMs, bytesMax: limits.replayBytesMax / topology.shards, onShort });
    });
  }

  /** Bytes of memory held by what was acknowledged, roughly. */
  get keptBytes(): number {
    return this.#rings.reduce((sum, ring) => sum + ring.bytes, 0);
  }

  isReady(lane: Lane): boolean {
    return this.#mayAppend() && this.#state(lane).healing.running === null;
  }

  /** Resolves when the lane is. @throws MoaError deadline_passed when closed before */
  async ready(lane: Lane): Promise<void> {
    const state = this.#state(lane);
    while (!this.isReady(lane)) {
      if (this.#closed) throw new MoaError("deadline_passed", "the lanes are closed");
      await (this.#settling?.promise ?? state.healing.running);
    }
  }

  /** Resolves when no lane is being healed. */
  async whole(): Promise<void> {
    await Promise.all([...this.#states.values()].map(({ healing }) => healing.running));
  }

  /**
   * To a lane that is ready, one at a time.
   * @throws MoaError redis_unavailable, lane_full, deadline_passed: the same append may be made again
   */
  async make(append: Append): Promise<void> {
    const state = this.#state(append.lane);
    const made: Append = { ...append, after: state.last, isWanted: this.#isWanted };
    const appended = await this.#options.appender.append(made);
    if (appended.outcome === "lost") {
      void this.#heal(state);
      throw lostBy(state.lane);
    }
    if (appended.outcome === "repeated") this.#options.metrics.duplicatesSuppressed.inc(1, { layer: "append" });
    state.last = { by: append.by, number: append.number };
    state.ring.put({ append: made, loggedAt: appended.at }, bytesOf(append));
  }

  /** Redis may have lost what it acknowledged in these shards. Resolves when their lanes have all that the rings have. */
  async lost(shards: readonly number[]): Promise<void> {
    const { topology } = this.#options;
    const lanes = [...this.#states.values()].filter(({ lane }) => shards.includes(shardOf(topology, lane)));
    await Promise.all(lanes.map((state) => this.#heal(state)));
  }

  /** The pod may have been declared dead: no append is made until `settled`. */
  lapsed(): void {
    this.#settling ??= Promise.withResolvers();
  }

  settled(): void {
    this.#settling?.resolve();
    this.#settling = null;
  }

  /** Gives up: what waits fails. */
  close(): void {
    this.#closed = true;
    for (const { healing } of this.#states.values()) healing.close();
    this.settled();
  }

  #mayAppend(): boolean {
    if (this.#settling === null && !this.#options.isAlive()) this.lapsed();
    return this.#settling === null;
  }

  #state(lane: Lane): State {
    const known = this.#states.get(lane);
    if (known !== undefined) return known;
    const { topology, log } = this.#options;
    const ring = this.#rings[shardOf(topology, lane)] as Ring<Kept>;
    const healing = new Due({
      ...this.#options,
      work: () => this.#replay(state),
      onFailed: (error, failures) => {
        if (failures === 1) log.warn({ lane, err: error }, "a lane's replay is tried again");
      },
    });
    const state: State = { lane, ring, healing, last: undefined };
    this.#states.set(lane, state);
    return state;
  }

  /** Nothing leaves the ring meanwhile, though other lanes of the shard may be whole and go on. */
  #heal({ healing, ring }: State): Promise<void> {
    if (healing.running !== null) return healing.ask();
    ring.pin();
    return healing.ask().then(() => ring.unpin());
  }

  async #replay(state: State): Promise<void> {
    const { log, metrics } = this.#options;
    const restored = new Set<Kept>();
    let last: Append["after"];
    try {
      for (const kept of state.ring.recent(limits.replayAgeMsMax)) {
        const { lane, by, number, events } = kept.append;
        if (lane !== state.lane) continue;
        const outcome = await this.#again(kept, last);
        metrics.replayed.inc(events.length, { what: "event", result: outcome === "appended" ? "restored" : "kept" });
        if (outcome === "appended") restored.add(kept);
        last = { by, number };
      }
    } finally {
      // Where they are now they may be lost again.
      state.ring.renew(restored);
      if (restored.size > 0)
        log.warn({ lane: state.lane, entries: restored.size }, "a lane had lost what it acknowledged");
    }
    state.last = last;
  }

  async #again({ append, loggedAt }: Kept, last: Append["after"]): Promise<"appended" | "repeated"> {
    const { appender, metrics } = this.#options;
    if (!this.#mayAppend()) await this.#settling?.promise;
    const events = append.events.map((event) => withField(event, "loggedAt", loggedAt));
    const { outcome } = await appender.append({ ...append, events, after: last ?? append.after });
    if (outcome !== "lost") return outcome;
    if (last !== undefined) throw lostBy(append.lane);
    metrics.replayBeyondRing.inc(1);
    return (await appender.append({ ...append, events, after: undefined })).outcome as "appended" | "repeated";
  }
}

function lostBy(lane: Lane): MoaError {
  return new MoaError("redis_unavailable", `lane ${lane} lost what it had acknowledged`);
}

/** Two bytes for each UTF-16 unit, and what else an event in a ring costs. */
function bytesOf({ events }: Append): number {
  return events.reduce((sum, event) => sum + 2 * event.length + 64, 128);
}
