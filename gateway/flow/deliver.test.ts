import { beforeEach, describe, expect, it } from "vitest";
import { limits } from "#common/contract/limits.ts";
import { BOT, type podOf, world } from "#test/fixtures/delivery.ts";

let at: ReturnType<typeof world>;
let pod: ReturnType<typeof podOf>;
beforeEach(() => {
  at = world();
  pod = at.pod("a");
});

describe("a bot with one connection", () => {
  it("is shown what waited for it and then what comes, in order, and all of it is trimmed", async () => {
    await at.answer(["1", "2"]);
    const phone = await pod.connect("c1");
    await at.answer(["3"]);
    await at.answer(["4"]);
    expect(phone.shown).toEqual(["1", "2", "3", "4"]);
    expect(phone.role).toBe("writer");
    await at.clock.advance(limits.confirmGatherMs * 3);
    expect(await pod.left()).toBe(0);
  });

  it("is not shown what is past its deadline or what its dialect cannot show; both are trimmed", async () => {
    await at.answer(["late", "2"], { deadline: at.clock.nowMs() + 500 });
    await at.answer(["", "4"]);
    await at.clock.advance(1_000);
    const phone = await pod.connect("c1");
    await at.clock.advance(1_000);
    expect(phone.shown).toEqual(["4"]);
    expect(await pod.left()).toBe(0);
  });

  it("has its receipt in the lane before the action is trimmed", async () => {
    const phone = await pod.connect("c1", { stuck: true });
    await at.answer(["order"], { receipt: true });
    await at.clock.advance(1_000);
    expect(pod.receipts).toEqual([]);
    expect(await pod.left()).toBe(1);
    phone.flush();
    await at.clock.settle();
    expect(pod.receipts).toMatchObject([{ kind: "receipt", state: "confirmed", action: "0000000000000001:0" }]);
    expect(await pod.left()).toBe(1);
    await at.clock.advance(1_000);
    expect(await pod.left()).toBe(0);
  });

  it("does not flood a phone that does not read: a window is written, the rest waits in the stream", async () => {
    const phone = await pod.connect("c1", { stuck: true });
    for (let i = 0; i < 20; i++) await at.answer(Array.from({ length: 30 }, () => "x".repeat(20_000)));
    await at.clock.advance(2_000);
    expect(phone.shown.length).toBeLessThan(6);
    phone.stuck = false;
    phone.flush();
    await at.clock.advance(10_000);
    expect(phone.shown).toHaveLength(600);
    expect(await pod.left()).toBe(0);
  });

  it("gets more than a reign holds in hand, whole and in order", async () => {
    const phone = await pod.connect("c1", { stuck: true });
    const count = limits.actionsInHandMax * 3;
    for (let i = 0; i < count; i += 32) await at.answer(Array.from({ length: 32 }, (_, j) => `${i + j}`));
    phone.stuck = false;
    phone.flush();
    await at.clock.advance(5_000);
    expect(phone.shown).toEqual(Array.from({ length: count }, (_, i) => `${i}`));
  });
});

describe("what the channel does not tell", () => {
  it("a gap is read from the stream", async () => {
    const phone = await pod.connect("c1");
    pod.faults.deaf = true;
    await at.answer(["1"]);
    pod.faults.deaf = false;
    await at.answer(["2"]);
    expect(phone.shown).toEqual(["1", "2"]);
    expect(await pod.reads("gap")).toBe(1);
  });

  it("a lost last piece is found by the dirty mark within three seconds", async () => {
    const phone = await pod.connect("c1");
    pod.faults.deaf = true;
    await at.answer(["1"]);
    await at.clock.advance(3 * limits.dirtyEveryMs);
    expect(phone.shown).toEqual(["1"]);
    expect(await pod.reads("dirty")).toBe(1);
  });

  it("a mark that is taken while the answer of an older read is under way is not forgotten", async () => {
    const phone = await pod.connect("c1");
    pod.faults.readAnswerMs = 2.5 * limits.dirtyEveryMs;
    pod.hearAgain();
    await at.clock.settle();
    pod.faults.deaf = true;
    await at.answer(["1"]);
    await at.clock.advance(8 * limits.dirtyEveryMs);
    expect(phone.shown).toEqual(["1"]);
  });

  it("dirty marks of what arrived cause no read", async () => {
    await pod.connect("c1");
    for (let i = 0; i < 5; i++) {
      await at.answer([`${i}`]);
      await at.clock.advance(limits.dirtyEveryMs);
    }
    expect(await pod.reads("dirty")).toBe(0);
  });

  it("what comes between an attach and its answer is read from the stream at once", async () => {
    pod.faults.slowMs = 100;
    const phone = await pod.connect("c1");
    for (let i = 0; i < 40; i++) {
      await at.answer([`${i}`]);
      await at.clock.advance(10);
    }
    pod.faults.slowMs = 0;
    await at.clock.advance(300);
    expect(phone.shown).toEqual(Array.from({ length: 40 }, (_, i) => `${i}`));
    expect([await pod.reads("gap"), await pod.reads("dirty")]).toEqual([0, 0]);
  });

  it("an operator's pause and release are found with the next answer and a second later", async () => {
    const phone = await pod.connect("c1");
    pod.faults.deaf = true;
    await pod.writers.ask(BOT, { kind: "paused", paused: true });
    await at.answer(["1"]);
    await at.clock.advance(5 * limits.dirtyEveryMs);
    expect(phone.shown).toEqual([]);
    await pod.writers.ask(BOT, { kind: "paused", paused: false });
    await at.clock.advance(2 * limits.dirtyEveryMs);
    expect(phone.shown).toEqual(["1"]);
  });

  it("a mark that was taken while the reply was lost is made good: every bot is looked at", async () => {
    const phone = await pod.connect("c1");
    pod.faults.deaf = true;
    await at.answer(["1"]);
    await at.store.outbox.takeDirty("a.1");
    pod.faults.away = true;
    await at.clock.advance(limits.dirtyEveryMs);
    pod.faults.away = false;
    await at.clock.advance(3 * limits.dirtyEveryMs);
    expect(phone.shown).toEqual(["1"]);
  });
});

describe("the pod's own life", () => {
  it("a new incarnation attaches again, so that dirty marks find it", async () => {
    const phone = await pod.connect("c1");
    pod.renew("a.2");
    await at.clock.advance(500);
    pod.faults.deaf = true;
    await at.answer(["1"]);
    await at.clock.advance(3 * limits.dirtyEveryMs);
    expect(phone.shown).toEqual(["1"]);
  });

  it("a store that is away is waited for, and nothing is shown twice for it", async () => {
    pod.faults.away = true;
    const phone = await pod.connect("c1");
    await at.answer(["1"]);
    await at.clock.advance(5_000);
    pod.faults.away = false;
    await at.clock.advance(5_000);
    expect(phone.shown).toEqual(["1"]);
    expect(await pod.left()).toBe(0);
  });

  it("a stop ends the tenure, so that the next writer shows nothing as ambiguous", async () => {
    await pod.connect("c1");
    await at.answer(["1"]);
    const stopped = pod.deliver.stop();
    await at.clock.advance(2_000);
    await stopped;
    await at.answer(["2"]);
    const phone = await at.pod("bb").connect("c2");
    expect(phone.shown).toEqual(["2"]);
  });
});
