import { beforeEach, describe, expect, it } from "vitest";
import { limits } from "#common/contract/limits.ts";
import { BOT, type podOf, world } from "#test/fixtures/delivery.ts";

let at: ReturnType<typeof world>;
let pod: ReturnType<typeof podOf>;
let other: ReturnType<typeof podOf>;
beforeEach(() => {
  at = world();
  pod = at.pod("a");
  other = at.pod("bb");
});

const recorded = () => at.clock.advance(4 * limits.confirmGatherMs);

describe("a device that connects again", () => {
  it("is shown what comes, and its older connection on the same pod nothing more", async () => {
    const old = await pod.connect("c1", { device: "d" });
    await at.answer(["1"]);
    await recorded();
    const fresh = await pod.connect("c2", { device: "d" });
    await recorded();
    await at.answer(["2"]);
    expect([old.shown, fresh.shown]).toEqual([["1"], ["2"]]);
  });

  it("on another pod takes over at once: the older connection is destroyed where it is", async () => {
    const old = await pod.connect("c1", { device: "d" });
    await at.answer(["1"]);
    await recorded();
    const fresh = await other.connect("c2", { device: "d" });
    await at.clock.advance(200);
    await at.answer(["2"]);
    expect([old.isOpen, old.shown, fresh.shown]).toEqual([false, ["1"], ["2"]]);
  });

  it("and is itself the outdated one is destroyed, and never writes", async () => {
    const late = await pod.connect("c1", { device: "d" });
    await at.clock.advance(10);
    const fresh = await other.connect("c2", { device: "d" });
    await at.clock.advance(100);
    expect([late.isOpen, fresh.role]).toEqual([false, "writer"]);
  });
});

describe("two devices", () => {
  it("are no duel: the second stands by, on whatever pod, and the writer writes on", async () => {
    const writer = await pod.connect("c1");
    const here = await pod.connect("c2");
    const elsewhere = await other.connect("c3");
    await at.answer(["1"]);
    expect([writer, here, elsewhere].map(({ role, shown }) => [role, shown.length])).toEqual([
      ["writer", 1],
      ["", 0],
      ["", 0],
    ]);
  });

  it("the standby takes over when the writer's connection ends", async () => {
    const writer = await pod.connect("c1");
    const standby = await other.connect("c2");
    await at.answer(["1"]);
    await recorded();
    await pod.drop(writer);
    await at.clock.advance(200);
    await at.answer(["2"]);
    expect(standby.shown).toEqual(["2"]);
  });

  it("a standby of the writer's own pod comes before those of others", async () => {
    const writer = await pod.connect("c1");
    const far = await other.connect("c2");
    const near = await pod.connect("c3");
    await pod.drop(writer);
    await at.clock.advance(200);
    expect([near.role, far.role]).toEqual(["writer", ""]);
  });

  it("one that is no longer the bot's own is written nothing more, not even what is being read; the next goes on", async () => {
    const revoked = await pod.connect("c1");
    const standby = await pod.connect("c2");
    await at.answer(["1"]);
    await recorded();
    pod.faults.slowMs = 1_000;
    pod.hearAgain();
    await at.clock.settle();
    pod.dismiss(revoked);
    await at.answer(["2"]);
    await at.clock.advance(15_000);
    expect([revoked.shown, standby.shown]).toEqual([["1"], ["2"]]);
  });
});

describe("a verdict", () => {
  it("gives the place to a living connection, and what was not confirmed is shown again and says so", async () => {
    const writer = await pod.connect("c1", { stuck: true });
    const standby = await other.connect("c2");
    await at.answer(["1", "2"]);
    await at.clock.advance(limits.barrierMsMax);
    await pod.judge(writer, "barrier_timeout");
    await at.clock.advance(300);
    await at.answer(["3"]);
    expect(standby.shown).toEqual(["!1", "!2", "3"]);
    await recorded();
    expect(await pod.left()).toBe(0);
    expect(await other.metric('writer_failovers_total{reason="barrier_timeout",result="ok"}')).toBe(1);
  });

  it("against the only connection leaves the bot without a writer until it speaks again", async () => {
    const writer = await pod.connect("c1");
    await pod.judge(writer, "heartbeat_timeout");
    await at.clock.advance(1_000);
    await at.answer(["1"]);
    expect([writer.role, writer.shown]).toEqual(["zombie", []]);
    await pod.revive(writer);
    await at.clock.advance(200);
    expect([writer.role, writer.shown]).toEqual(["writer", ["1"]]);
  });

  it("that proves false takes nothing back from who writes now", async () => {
    const writer = await pod.connect("c1");
    const standby = await other.connect("c2");
    await pod.judge(writer, "heartbeat_timeout");
    await at.clock.advance(200);
    await pod.revive(writer);
    await at.clock.advance(60_000);
    await at.answer(["1"]);
    expect([writer.shown, standby.shown, writer.role]).toEqual([[], ["1"], "standby"]);
  });

  it("against a young writer that speaks waits until it is no longer young", async () => {
    const writer = await pod.connect("c1");
    const standby = await other.connect("c2");
    writer.provenAt = at.clock.nowMs() + limits.tenureMsMin * 2;
    await pod.judge(writer, "barrier_timeout");
    await at.clock.advance(limits.tenureMsMin - 1_000);
    expect(standby.role).toBe("");
    await at.clock.advance(2_000);
    expect(standby.role).toBe("writer");
  });
});

describe("the death of the writer's pod", () => {
  it("is found by the pods that stand by, once its life key is gone; at most the window says it may be a repeat", async () => {
    const writer = await pod.connect("c1", { stuck: true });
    const standby = await other.connect("c2");
    await at.answer(Array.from({ length: 20 }, (_, i) => `${i}`));
    expect(writer.shown).toHaveLength(limits.unconfirmedActionsMax);
    pod.die();
    await at.clock.advance(limits.lifeMs - 1_100);
    expect(standby.role).toBe("");
    await at.clock.advance(1_100 + limits.writersLookEveryMs);
    await recorded();
    expect(standby.shown).toEqual([
      ...Array.from({ length: 16 }, (_, i) => `!${i}`),
      ...Array.from({ length: 4 }, (_, i) => `${i + 16}`),
    ]);
  });

  it("is found at once by a connection that comes later", async () => {
    await pod.connect("c1");
    pod.die();
    await at.clock.advance(limits.lifeMs + 1_000);
    const fresh = await other.connect("c2");
    await at.clock.advance(200);
    expect(fresh.role).toBe("writer");
  });
});

describe("a pod that slept", () => {
  it("takes its own tenures again before it writes, and shows nothing twice", async () => {
    const phone = await pod.connect("c1");
    await at.answer(["1"]);
    pod.faults.alive = false;
    await at.answer(["2"]);
    expect(phone.shown).toEqual(["1"]);
    pod.renew("a.2");
    await at.clock.advance(1_000);
    await at.answer(["3"]);
    expect(phone.shown).toEqual(["1", "2", "3"]);
  });

  it("writes nothing more for a bot that was taken over, and destroys the socket in which bytes wait", async () => {
    const old = await pod.connect("c1", { stuck: true });
    const fresh = await other.connect("c2");
    await at.answer(["1"]);
    pod.die();
    await at.clock.advance(limits.lifeMs + limits.writersLookEveryMs);
    expect(fresh.shown).toEqual(["!1"]);
    pod.faults.away = false;
    pod.hearAgain();
    pod.renew("a.2");
    await at.answer(["2"]);
    await at.clock.advance(1_000);
    expect([old.shown, old.isOpen, fresh.shown]).toEqual([["1"], false, ["!1", "2"]]);
    expect(pod.lost).toEqual(["c1"]);
  });
});

describe("a pod that slept while its phone left", () => {
  it("tells of the former writer's connection all the same: what it had said is late", async () => {
    const phone = await pod.connect("c1");
    await other.connect("c2");
    pod.die();
    await pod.drop(phone);
    await at.clock.advance(limits.lifeMs + limits.writersLookEveryMs);
    pod.faults.away = false;
    pod.renew("a.2");
    await at.clock.advance(1_000);
    expect(pod.lost).toEqual(["c1"]);
  });
});

describe("a reply that is lost", () => {
  it.each(["enrol", "take", "end", "withdraw", "confirm", "read"])(
    "of %s leaves no bot without a writer",
    async (call) => {
      pod.faults.lostReplies.add(call);
      await at.answer(["1"]);
      const phone = await pod.connect("c1");
      await at.clock.advance(1_000);
      const standby = await other.connect("c2");
      await at.answer(["2"]);
      await at.clock.advance(1_000);
      expect(phone.shown).toEqual(["1", "2"]);
      await pod.drop(phone);
      await at.clock.advance(1_000);
      await at.answer(["3"]);
      expect(standby.shown).toEqual(["3"]);
      expect(pod.faults.lostReplies.size).toBe(0);
    },
  );

  it("of a take, for a connection that is gone by then, is made good by an end", async () => {
    pod.faults.lostReplies.add("take");
    const phone = await pod.connect("c1");
    await pod.drop(phone);
    const standby = await other.connect("c2");
    await at.clock.advance(2_000);
    expect(standby.role).toBe("writer");
  });
});

describe("an operator", () => {
  it("moves the writer to the connection that he names, and nothing is shown twice", async () => {
    const writer = await pod.connect("c1");
    await other.connect("c2");
    await at.clock.advance(10);
    const third = at.pod("ccc");
    const wished = await third.connect("c3");
    await at.answer(["1"]);
    const { holder } = await pod.writers.look(BOT);
    await pod.writers.ask(BOT, { kind: "failover", epoch: holder?.epoch ?? 0, to: "c3" });
    await at.clock.advance(2_000);
    await at.answer(["2"]);
    expect([writer.shown, wished.shown]).toEqual([["1"], ["2"]]);
    expect(await third.metric('writer_handovers_total{reason="operator",result="ok"}')).toBe(1);
  });

  it("who names a connection that is nowhere costs the bot no more than two looks", async () => {
    const writer = await pod.connect("c1");
    const { holder } = await pod.writers.look(BOT);
    await pod.writers.ask(BOT, { kind: "failover", epoch: holder?.epoch ?? 0, to: "nobody" });
    await at.clock.advance(4 * limits.writersLookEveryMs);
    expect(writer.role).toBe("writer");
  });

  it("who holds a bot stops it before the next action, and releases it", async () => {
    const phone = await pod.connect("c1");
    await pod.writers.ask(BOT, { kind: "paused", paused: true });
    await at.answer(["1"]);
    expect(phone.shown).toEqual([]);
    await pod.writers.ask(BOT, { kind: "paused", paused: false });
    await at.clock.settle();
    expect(phone.shown).toEqual(["1"]);
  });
});

describe("the doubt that a failover leaves", () => {
  it("is decided by class: shown again and labelled, dropped, or put before an operator while the rest goes on", async () => {
    const writer = await pod.connect("c1", { stuck: true });
    const standby = await other.connect("c2");
    await at.answer(["chatter"], { inDoubt: "drop" });
    await at.answer(["money"], { inDoubt: "hold", receipt: true });
    await at.answer(["answer"]);
    await pod.drop(writer);
    await at.clock.advance(1_000);
    expect(standby.shown).toEqual(["!answer"]);
    expect((await other.held.list(BOT)).map(({ id }) => id)).toEqual(["0000000000000002:0"]);
    expect(other.receipts).toMatchObject([{ state: "held" }]);
    expect(await other.left()).toBe(0);
  });

  it("is no doubt where the class says nothing of it and nothing was written", async () => {
    const standby = await other.connect("c2");
    await at.answer(["money"], { inDoubt: "hold" });
    await at.clock.advance(100);
    expect(standby.shown).toEqual(["money"]);
  });
});
