import { beforeEach, describe, expect, it } from "vitest";
import { decodeEvent } from "#common/contract/codec.ts";
import { limits } from "#common/contract/limits.ts";
import { pause } from "#common/kernel/clock.ts";
import { MoaError } from "#common/kernel/errors.ts";
import { seededRandom } from "#common/kernel/random.ts";
import { createLogger } from "#common/observe/logger.ts";
import { createMetrics } from "#common/observe/metrics.ts";
import type { Append, Appended, LaneAppender } from "#common/ports/lane-log.ts";
import { FakeClock } from "#test/fixtures/fake-clock.ts";
import { LaneAppends } from "./lane-appends.ts";

/** What the store keeps of the lanes, and can forget: a suffix, as a server does that was not in time to write it down. */
class Store implements LaneAppender {
  kept: Append[] = [];
  away = false;
  /** It takes so long until the pod reads a reply. */
  replyMs = 0;
  readonly #clock: FakeClock;
  constructor(clock: FakeClock) {
    this.#clock = clock;
  }
  /** Called before each append is judged. */
  before: (append: Append) => void = () => {};
  async append(append: Append): Promise<Appended> {
    this.before(append);
    const at = this.#clock.nowMs();
    const outcome = this.#outcomeOf(append);
    if (this.replyMs > 0) await pause(this.#clock, this.replyMs);
    return outcome === "lost" ? { outcome } : { outcome, at };
  }
  #outcomeOf(append: Append): Appended["outcome"] {
    if (this.away) throw new MoaError("redis_unavailable", "away");
    const { lane, by, number, after } = append;
    const upTo = (of: string) => this.kept.findLast((one) => one.lane === lane && one.by === of)?.number ?? 0;
    if (upTo(by) >= number) return "repeated";
    if (after !== undefined && upTo(after.by) < after.number) return "lost";
    this.kept.push(append);
    return "appended";
  }
  names(lane = 0): string[] {
    return this.kept.filter((one) => one.lane === lane).map(({ by, number }) => `${by} ${number}`);
  }
}

function rig() {
  const clock = new FakeClock();
  const store = new Store(clock);
  const state = { isAlive: true };
  const pod = createMetrics(false);
  const appends = new LaneAppends({
    topology: { shards: 2, lanesPerShard: 2, tags: 1 },
    appender: store,
    clock,
    random: seededRandom(1),
    metrics: pod.metrics,
    log: createLogger("test", "silent"),
    isAlive: () => state.isAlive,
  });
  const make = async (number: number, { lane = 0, by = "g.1", event = `{"n":${number}}` } = {}) => {
    if (!appends.isReady(lane)) await appends.ready(lane);
    await appends.make({ lane, by, number, events: [event] });
  };
  const counted = async (series: string) =>
    Number(new RegExp(`^${series.replace(/[{}]/g, "\\$&")} (.*)$`, "m").exec(await pod.expose())?.[1]);
  const replayed = (result: string) => counted(`moa_replayed_total{what="event",result="${result}"}`);
  return { clock, store, state, appends, make, counted, replayed };
}

let at: ReturnType<typeof rig>;
beforeEach(() => {
  at = rig();
});

describe("after a loss", () => {
  it("what was lost is there again, in its old order and under its old names, before what is new", async () => {
    for (const number of [1, 2]) await at.make(number);
    for (const number of [3, 4]) await at.make(number, { by: "g.2" });
    at.store.kept.splice(1);
    const healed = at.appends.lost([0]);
    const next = at.make(5, { by: "g.2" });
    await Promise.all([healed, next]);
    expect(at.store.names()).toEqual(["g.1 1", "g.1 2", "g.2 3", "g.2 4", "g.2 5"]);
    expect([await at.replayed("restored"), await at.replayed("kept")]).toEqual([3, 1]);
  });

  it("of all, everything is there again, and that it may reach beyond the ring is not said of a young lane", async () => {
    for (const number of [1, 2, 3]) await at.make(number);
    at.store.kept = [];
    await at.appends.lost([0, 1]);
    expect(at.store.names()).toEqual(["g.1 1", "g.1 2", "g.1 3"]);
    expect(await at.counted("moa_replay_beyond_ring_total")).toBe(0);
  });

  it("that nobody told of, the lane's refusal tells: nothing overtakes what was lost", async () => {
    for (const number of [1, 2, 3]) await at.make(number);
    at.store.kept.splice(1);
    await expect(at.make(4)).rejects.toThrow("redis_unavailable");
    await at.make(4);
    expect(at.store.names()).toEqual(["g.1 1", "g.1 2", "g.1 3", "g.1 4"]);
  });

  it("of one shard, nothing is appended again in the others", async () => {
    await at.make(1, { lane: 0 });
    await at.make(1, { lane: 1 });
    at.store.kept = [];
    await at.appends.lost([1]);
    expect([at.store.names(0), at.store.names(1)]).toEqual([[], ["g.1 1"]]);
  });

  it("another one in the middle of the replay begins it anew", async () => {
    for (const number of [1, 2, 3, 4]) await at.make(number);
    at.store.kept.splice(1);
    let losses = 0;
    at.store.before = ({ number }) => {
      if (number === 4 && losses++ === 0) at.store.kept.splice(1);
    };
    const healed = at.appends.lost([0]);
    await at.clock.advance(5_000);
    await healed;
    expect(at.store.names()).toEqual(["g.1 1", "g.1 2", "g.1 3", "g.1 4"]);
  });

  it("another one told when the last of the replay was made begins it anew", async () => {
    for (const number of [1, 2]) await at.make(number);
    at.store.kept = [];
    let again: Promise<void> | undefined;
    at.store.before = ({ number }) => {
      if (number !== 2 || again !== undefined) return;
      queueMicrotask(() => {
        at.store.kept = [];
        again = at.appends.lost([0]);
      });
    };
    await at.appends.lost([0]);
    await again;
    expect(at.store.names()).toEqual(["g.1 1", "g.1 2"]);
  });

  it("what was put back can be put back again long after it was first made", async () => {
    for (const number of [1, 2]) await at.make(number);
    await at.clock.advance(14_000);
    at.store.kept = [];
    await at.appends.lost([0]);
    await at.clock.advance(10_000);
    await at.make(3);
    at.store.kept = [];
    await at.appends.lost([0]);
    expect(at.store.names()).toEqual(["g.1 1", "g.1 2", "g.1 3"]);
  });

  it("the replay is tried until the store is back, and what is new waits for it", async () => {
    for (const number of [1, 2]) await at.make(number);
    at.store.kept = [];
    at.store.away = true;
    void at.appends.lost([0]);
    const next = at.make(3);
    await at.clock.advance(60_000);
    at.store.away = false;
    await at.clock.advance(5_000);
    await next;
    expect(at.store.names()).toEqual(["g.1 1", "g.1 2", "g.1 3"]);
  });

  it("what a lane still lacks stays in the ring while the others of its shard go on", async () => {
    await at.make(1, { lane: 0 });
    at.store.kept = [];
    at.store.before = ({ lane }) => {
      at.store.away = lane === 0;
    };
    const healed = at.appends.lost([0]);
    for (let number = 1; number <= 30; number++) {
      await at.make(number, { lane: 2 });
      await at.clock.advance(1_000);
    }
    at.store.before = () => {
      at.store.away = false;
    };
    await at.clock.advance(5_000);
    await healed;
    expect(at.store.names()).toEqual(["g.1 1"]);
  });

  it("beyond the ring, that is counted, and all that the ring has is put back", async () => {
    await at.make(1);
    await at.clock.advance(limits.replayMs + 1);
    for (const number of [2, 3]) await at.make(number);
    at.store.kept = [];
    await at.appends.lost([0]);
    expect(at.store.names()).toEqual(["g.1 2", "g.1 3"]);
    expect(await at.counted("moa_replay_beyond_ring_total")).toBe(1);
  });

  it("what was made too long ago is not put back: who handled it may have forgotten it", async () => {
    await at.make(1);
    await at.clock.advance(limits.replayAgeMsMax + 1);
    at.store.kept = [];
    await at.appends.lost([0]);
    await at.make(2);
    expect(at.store.names()).toEqual(["g.1 2"]);
  });

  it("an event is measured at the time of its first entry, however late the pod read that it was made", async () => {
    const loggedAt = at.clock.nowMs();
    const event = JSON.stringify({ v: 1, kind: "chat", receivedAt: loggedAt - 4_000 });
    at.store.replyMs = 10_000;
    const made = at.make(1, { event });
    await at.clock.advance(12_000);
    await made;
    at.store.replyMs = 0;
    at.store.kept = [];
    await at.appends.lost([0]);
    const again = at.store.kept[0]?.events[0] as string;
    expect(decodeEvent(again, at.clock.nowMs()).receivedAt).toBe(loggedAt - 4_000);
  });
});

describe("bounds", () => {
  it("the rings hold no more bytes than their limit, and say by how much they are too short", async () => {
    const event = `"${"x".repeat(50_000)}"`;
    for (let number = 1; number <= 200; number++) {
      await at.make(number, { event });
      await at.clock.advance(20);
    }
    expect(at.appends.keptBytes).toBeLessThanOrEqual(limits.replayBytesMax);
    const short = await at.counted("moa_replay_ring_short_seconds");
    expect(short).toBeGreaterThan(10);
    expect(short).toBeLessThan(15);
  });
});

describe("a pod that may have been declared dead", () => {
  it("appends nothing, a replay neither, until its tenures are settled", async () => {
    await at.make(1);
    at.store.kept = [];
    at.state.isAlive = false;
    void at.appends.lost([0]);
    const next = at.make(2);
    await at.clock.settle();
    at.state.isAlive = true;
    await at.clock.advance(10_000);
    expect(at.store.names()).toEqual([]);
    at.appends.settled();
    await next;
    expect(at.store.names()).toEqual(["g.1 1", "g.1 2"]);
  });

  it("fails what waits when it is closed", async () => {
    at.state.isAlive = false;
    const next = at.make(1);
    at.appends.close();
    await expect(next).rejects.toThrow("deadline_passed");
  });
});
