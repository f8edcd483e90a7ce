import { beforeEach, describe, expect, it } from "vitest";
import { limits } from "#common/contract/limits.ts";
import { MoaError } from "#common/kernel/errors.ts";
import { seededRandom } from "#common/kernel/random.ts";
import { createLogger } from "#common/observe/logger.ts";
import { createMetrics } from "#common/observe/metrics.ts";
import type { EnqueueOutcome, OutboxDecision, OutboxWriter } from "#common/ports/outbox.ts";
import { FakeClock } from "#test/fixtures/fake-clock.ts";
import { OutboxCalls } from "./outbox-calls.ts";

/** What the outbox keeps, and can forget. */
class Store implements OutboxWriter {
  kept: OutboxDecision[] = [];
  lowestEpoch = 0;
  away = false;
  readonly #clock: FakeClock;
  constructor(clock: FakeClock) {
    this.#clock = clock;
  }
  async enqueue(decisions: readonly OutboxDecision[]): Promise<readonly EnqueueOutcome[]> {
    if (this.away) throw new MoaError("redis_unavailable", "away");
    return decisions.map((decision) => {
      if (decision.epoch < this.lowestEpoch) return "fenced";
      if (this.kept.some(({ event }) => event === decision.event)) return "duplicate";
      if (decision.deadline <= this.#clock.nowMs()) return "expired";
      this.kept.push(decision);
      return "accepted";
    });
  }
  get events(): string[] {
    return this.kept.map(({ event, epoch }) => `${event} ${epoch}`);
  }
}

function rig() {
  const clock = new FakeClock();
  const store = new Store(clock);
  const pod = createMetrics(false);
  const calls = new OutboxCalls({
    outbox: store,
    lanes: { owners: async () => [{ lane: 0, epoch: 9, owner: "w.2" }] },
    tags: 2,
    tagOf: (bot) => Number(bot),
    clock,
    random: seededRandom(1),
    metrics: pod.metrics,
    log: createLogger("test", "silent"),
  });
  const say = (event: string, { bot = "0", epoch = 1 } = {}) =>
    calls.enqueue({ bot, lane: 0, epoch, event, deadline: clock.nowMs() + limits.actionMsMax, actions: [event] });
  const replayed = async (result: string) =>
    Number(
      new RegExp(`^moa_replayed_total{what="decision",result="${result}"} (.*)$`, "m").exec(await pod.expose())?.[1],
    );
  return { clock, store, calls, say, replayed };
}

let at: ReturnType<typeof rig>;
beforeEach(() => {
  at = rig();
});

describe("decisions after a loss", () => {
  it("are offered again in their order, before new ones", async () => {
    for (const event of ["a", "b", "c"]) await at.say(event);
    at.store.kept.splice(1);
    const healed = at.calls.lost([0]);
    await Promise.all([at.say("d"), healed]);
    expect(at.store.events).toEqual(["a 1", "b 1", "c 1", "d 1"]);
    expect([await at.replayed("restored"), await at.replayed("kept")]).toEqual([2, 1]);
  });

  it("of one tag are not offered again in another", async () => {
    await at.say("a", { bot: "0" });
    await at.say("b", { bot: "1" });
    at.store.kept = [];
    await at.calls.lost([1]);
    expect(at.store.events).toEqual(["b 1"]);
  });

  it("are offered until the outbox is back, and new ones wait", async () => {
    await at.say("a");
    at.store.kept = [];
    at.store.away = true;
    void at.calls.lost([0]);
    const next = at.say("b");
    await at.clock.advance(30_000);
    at.store.away = false;
    await at.clock.advance(5_000);
    await next;
    expect(at.store.events).toEqual(["a 1", "b 1"]);
  });

  it("stand though their lane has a newer owner: the outbox had taken them", async () => {
    await at.say("a");
    at.store.kept = [];
    at.store.lowestEpoch = 9;
    await at.calls.lost([0]);
    expect(at.store.events).toEqual(["a 9"]);
  });

  it("say that they are offered again, and only these", async () => {
    const action = '{"id":"a:0"}';
    await at.say(action);
    const fresh = at.store.kept.splice(0);
    await at.calls.lost([0]);
    const said = [...fresh, ...at.store.kept].flatMap(({ actions }) => actions.map((one) => JSON.parse(one)));
    expect(said).toEqual([{ id: "a:0" }, { id: "a:0", again: true }]);
  });

  it("that were refused are not offered again", async () => {
    at.store.lowestEpoch = 2;
    expect(await at.say("a", { epoch: 1 })).toBe("fenced");
    await at.say("b", { epoch: 2 });
    at.store.kept = [];
    at.store.lowestEpoch = 0;
    await at.calls.lost([0]);
    expect(at.store.events).toEqual(["b 2"]);
  });

  it("that nobody waits for any more are given up, and counted", async () => {
    await at.say("a");
    at.store.kept = [];
    await at.clock.advance(limits.actionMsMax);
    await at.calls.lost([0]);
    expect([at.store.events, await at.replayed("given_up")]).toEqual([[], 1]);
  });
});
