/**
 * Lane owner: which lanes this worker owns, and reading them.
 *
 *   every laneCheckEveryMs, per lane, by rendezvous over the live workers:
 *     should be mine, is nobody's or a dead worker's   -> take (compare-and-set on the epoch), read from the position
 *     should be mine, is a live worker's               -> wait: it will see the same and let go
 *     is mine, should be another live worker's         -> stop reading, finish what is in hand, release
 *     is mine here, another epoch there                -> drop
 *     is mine there, and not here                      -> take: a take or release whose answer was lost, or a drop
 *
 *   after a loss of Redis the lanes of the lost shards are dropped at once, and taken again, from where Redis now thinks
 *   they are, when what Redis numbers was raised above what MySQL knows (ADR 0010)
 *
 * Safe without any timing: every sink checks the epoch. The check's period only decides how long a lane stands still.
 * One blocking read per shard; a lane that is full or finishing is left out of it.
 */
import type { Lane, MemberId } from "#common/contract/ids.ts";
import { rightfulOwner } from "#common/contract/lanes.ts";
import { limits } from "#common/contract/limits.ts";
import { backoffMs } from "#common/kernel/backoff.ts";
import { pause } from "#common/kernel/clock.ts";
import type { LaneEntry, LaneReader, LaneState } from "#common/ports/lane-log.ts";
import type { Membership } from "#common/ports/membership.ts";
import type { Tools } from "#workers/pipeline/work.ts";
import { CarefulTurns } from "./careful.ts";
import { OwnedLane } from "./owned-lane.ts";

export interface LaneOwnerOptions {
  readonly shards: number;
  readonly shardOf: (lane: Lane) => number;
  readonly reader: LaneReader;
  readonly membership: Pick<Membership, "live">;
  readonly tools: Tools;
  /** The pod's present incarnation. */
  member(): MemberId;
  /** What Redis numbers goes on above what is known elsewhere. */
  raise(): Promise<void>;
}

export class LaneOwner {
  readonly #options: LaneOwnerOptions;
  readonly #owned = new Map<Lane, OwnedLane>();
  readonly #releasing = new Set<Lane>();
  readonly #careful: CarefulTurns;
  readonly #stop = new AbortController();
  readonly #wakes: (() => void)[];
  #loops: Promise<void>[] = [];
  #draining = false;
  /** Losses of Redis, and how many of them the lanes were raised after. */
  #losses = 0;
  #raised = 0;

  constructor(options: LaneOwnerOptions) {
    this.#options = options;
    this.#careful = new CarefulTurns(options.tools.clock);
    this.#wakes = Array.from({ length: options.shards }, () => () => {});
  }

  get lanes(): readonly Lane[] {
    return [...this.#owned.keys()];
  }

  start(): void {
    const shards = Array.from({ length: this.#options.shards }, (_, shard) => shard);
    this.#loops = [this.#checkForEver(), ...shards.map((shard) => this.#readForEver(shard))];
  }

  /** Finishes what is in hand, gives the lanes up, stops reading. */
  async stop(): Promise<void> {
    this.#draining = true;
    await Promise.all([...this.#owned.values()].map((owned) => this.#release(owned)));
    this.#stop.abort();
    for (const wake of this.#wakes) wake();
    await Promise.all(this.#loops);
  }

  /** This incarnation was declared dead, or may have been: its epochs are void. */
  dropAll(): void {
    for (const owned of [...this.#owned.values()]) this.#forget(owned);
  }

  /** Redis may have lost what it acknowledged in these shards: which commits were made is not known any more. */
  lost(shards: readonly number[]): void {
    if (shards.length === 0) return;
    this.#losses++;
    for (const owned of [...this.#owned.values()]) {
      if (shards.includes(this.#options.shardOf(owned.lane))) this.#forget(owned);
    }
  }

  async #checkForEver(): Promise<void> {
    const { tools } = this.#options;
    for (let failures = 0; !this.#stop.signal.aborted; ) {
      try {
        await this.#check();
        failures = 0;
        await pause(tools.clock, limits.laneCheckEveryMs, this.#stop.signal);
      } catch (error) {
        tools.log.warn({ tag: "SERVER", err: error }, "lane check failed");
        await pause(tools.clock, backoffMs(failures++, tools.random), this.#stop.signal);
      }
    }
  }

  async #check(): Promise<void> {
    const { membership, reader } = this.#options;
    await this.#raise();
    const [live, states] = await Promise.all([membership.live("worker"), reader.owners()]);
    if (this.#draining) return;
    const me = this.#options.member();
    await Promise.all(states.map((state) => this.#settleOwner(state, me, live)));
    this.#tell();
  }

  #tell(): void {
    const { metrics } = this.#options.tools;
    metrics.lanesOwned.set(this.#owned.size);
    metrics.workerSlots.set(this.#owned.size * limits.turnsPerLaneMax);
    let inHand = 0;
    for (const owned of this.#owned.values()) inHand += owned.inHand;
    metrics.workerSlotsInUse.set(inHand);
  }

  async #raise(): Promise<void> {
    const losses = this.#losses;
    if (this.#raised === losses) return;
    await this.#options.raise();
    this.#raised = losses;
  }

  async #settleOwner(state: LaneState, me: MemberId, live: readonly MemberId[]): Promise<void> {
    const owned = this.#owned.get(state.lane);
    const rightful = rightfulOwner(`lane:${state.lane}`, live);
    if (owned !== undefined) {
      if (owned.epoch < state.epoch) return this.#forget(owned);
      // Not awaited: a slow turn in hand must not hold up the check of the other lanes.
      if (rightful !== me && rightful !== undefined) void this.#release(owned);
      return;
    }
    const left = state.owner === me;
    const free = state.owner === null || !live.includes(state.owner);
    if (left || (free && rightful === me)) await this.#take(state, me);
  }

  async #take(state: LaneState, me: MemberId): Promise<void> {
    const { reader, tools } = this.#options;
    const taken = await reader.take(state, me);
    if (taken === null || this.#draining || me !== this.#options.member() || this.#raised !== this.#losses) return;
    const owned = new OwnedLane({
      lane: state.lane,
      taken,
      reader,
      tools,
      careful: this.#careful,
      onFenced: (lane) => this.#forget(lane),
      onProgress: () => this.#wake(state.lane),
    });
    this.#owned.set(state.lane, owned);
    tools.metrics.laneTakeovers.inc(1, { kind: taken.clean ? "clean" : "abrupt" });
    tools.log.info({ tag: "SERVER", lane: state.lane, epoch: taken.epoch, clean: taken.clean }, "lane taken");
    this.#wake(state.lane);
  }

  async #release(owned: OwnedLane): Promise<void> {
    const { reader, tools } = this.#options;
    if (this.#releasing.has(owned.lane)) return;
    this.#releasing.add(owned.lane);
    try {
      await owned.finish();
      if (this.#owned.get(owned.lane) !== owned) return;
      await reader.release(owned.lane, owned.epoch);
      tools.log.info({ tag: "SERVER", lane: owned.lane, epoch: owned.epoch }, "lane released");
    } catch (error) {
      // It may stay marked as ours: the next check takes it again, to give it up properly.
      tools.log.warn({ tag: "SERVER", lane: owned.lane, err: error }, "lane release failed");
    } finally {
      this.#forget(owned);
      this.#releasing.delete(owned.lane);
    }
  }

  #forget(owned: OwnedLane): void {
    owned.drop();
    if (this.#owned.get(owned.lane) === owned) this.#owned.delete(owned.lane);
  }

  #wake(lane: Lane): void {
    this.#wakes[this.#options.shardOf(lane)]?.();
  }

  async #readForEver(shard: number): Promise<void> {
    const { reader, tools } = this.#options;
    for (let failures = 0; !this.#stop.signal.aborted; ) {
      const cursors = this.#cursors(shard);
      if (cursors.size === 0) {
        await new Promise<void>((resolve) => {
          this.#wakes[shard] = resolve;
        });
        continue;
      }
      try {
        const entries = await reader.read(cursors, limits.blockingReadMs);
        failures = 0;
        tools.metrics.laneReadAt.set(tools.clock.nowMs() / 1_000);
        for (const entry of entries) {
          const owned = this.#owned.get(entry.lane);
          // A lane that was given up and taken again while the read was under way has another cursor.
          if (owned !== undefined && owned.cursor === cursors.get(entry.lane)) this.#accept(owned, entry, cursors);
        }
        // A waiting read brings what one lane got and no more; what others get at the same moment comes with the next.
        await pause(tools.clock, limits.laneReadGapMs, this.#stop.signal);
      } catch (error) {
        tools.log.warn({ tag: "SERVER", shard, err: error }, "lane read failed");
        await pause(tools.clock, backoffMs(failures++, tools.random), this.#stop.signal);
      }
    }
  }

  #accept(owned: OwnedLane, entry: LaneEntry, cursors: Map<Lane, string>): void {
    owned.accept(entry);
    cursors.set(entry.lane, entry.id);
  }

  #cursors(shard: number): Map<Lane, string> {
    const cursors = new Map<Lane, string>();
    for (const owned of this.#owned.values()) {
      if (this.#options.shardOf(owned.lane) !== shard) continue;
      const cursor = owned.cursor;
      if (cursor !== null) cursors.set(owned.lane, cursor);
    }
    return cursors;
  }
}
