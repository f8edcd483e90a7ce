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
/** Whoever held the bot before is no part of what may be lost. */
const longAgo = () => at.clock.advance(limits.shownLatelyMs + 1_000);

describe("a pod whose Redis lost what it had acknowledged", () => {
  it("shows what has the numbers of the lost now, and what is offered again only if it was not shown", async () => {
    const phone = await pod.connect("c1");
    await at.answer(["0"]);
    await longAgo();
    const back = at.remember();
    const offers = [await at.answer(["1"]), await at.answer(["2", "3"])];
    await recorded();
    back();
    const again = pod.loses();
    await at.answer(["4", "5"]);
    await again;
    for (const offer of offers) await offer();
    await at.answer(["6"]);
    await recorded();
    expect(phone.shown).toEqual(["0", "1", "2", "3", "4", "5", "6"]);
    expect([await pod.left(), phone.isOpen, phone.role]).toEqual([0, true, "writer"]);
  });

  it("labels what it wrote and nobody confirmed", async () => {
    const phone = await pod.connect("c1");
    await longAgo();
    const back = at.remember();
    phone.mute = true;
    const again = await at.answer(["1"]);
    back();
    await pod.loses();
    phone.mute = false;
    await again();
    await at.answer(["2"]);
    expect(phone.shown).toEqual(["1", "!1", "2"]);
  });

  it.each(["before", "after"])("lets no confirmation of a peer %s it trim what has the number now", async (when) => {
    const phone = await pod.connect("c1", { stuck: true });
    const back = at.remember();
    await at.answer(["1"]);
    if (when === "before") phone.flush();
    back();
    const again = pod.loses();
    if (when === "after") phone.flush();
    await at.answer(["2"]);
    await again;
    await recorded();
    expect(await pod.left()).toBe(1);
  });

  it("takes no piece with an old number for a new one", async () => {
    const phone = await pod.connect("c1");
    await longAgo();
    const back = at.remember();
    pod.faults.deaf = true;
    await at.answer(["lost"]);
    const { generation } = at.store.bots.of(BOT);
    back();
    await pod.loses();
    pod.faults.deaf = false;
    at.store.hub.publish(BOT, `${generation}\t1\nlost`);
    await at.answer(["1"]);
    await recorded();
    expect([phone.shown, await pod.left()]).toEqual([["1"], 0]);
  });

  it("labels what another pod may have shown: it held the bot in the time that is lost", async () => {
    const former = await other.connect("c1");
    await longAgo();
    const back = at.remember();
    const again = await at.answer(["1"]);
    await recorded();
    await other.drop(former);
    const phone = await pod.connect("c2");
    await at.answer(["2"]);
    await recorded();
    back();
    await other.loses();
    await pod.loses();
    await at.clock.advance(limits.lifeMs + 1_000);
    await again();
    await at.clock.advance(limits.clockSkewMsMax);
    await at.answer(["3"]);
    expect([former.shown, phone.shown]).toEqual([["1"], ["2", "!1", "3"]]);
  });

  it.each(["before", "after"])(
    "labels what is put back and was shown by another that left long ago, %s the loss",
    async (when) => {
      const former = await other.connect("c1");
      const again = await at.answer(["1"]);
      await recorded();
      await other.drop(former);
      const phone = await pod.connect("c2");
      if (when === "before") await longAgo();
      const held = await at.answer(["2"]);
      await recorded();
      at.store.bots.of(BOT).ids.clear();
      if (when === "before") await pod.loses();
      await again();
      await held();
      await at.answer(["3"]);
      expect([former.shown, phone.shown]).toEqual([["1"], ["2", "!1", "3"]]);
    },
  );

  it("labels what comes twice in one reign, before the first is confirmed", async () => {
    const phone = await pod.connect("c1");
    await longAgo();
    phone.mute = true;
    const again = await at.answer(["1"]);
    at.store.bots.of(BOT).ids.clear();
    await again();
    expect(phone.shown).toEqual(["1", "!1"]);
  });

  it("shows without a label what is put back and was asked for while it held the bot, if it did not show it", async () => {
    const phone = await pod.connect("c1");
    await at.answer(["1"]);
    await longAgo();
    const back = at.remember();
    pod.faults.deaf = true;
    const again = await at.answer(["2"]);
    back();
    await pod.loses();
    pod.faults.deaf = false;
    await again();
    expect(phone.shown).toEqual(["1", "2"]);
  });

  it("leaves all in doubt when it gives the bot away before it has it again: to who came after the loss", async () => {
    const former = await pod.connect("c1");
    const back = at.remember();
    const again = await at.answer(["1"]);
    await recorded();
    back();
    await again();
    pod.deliver.lost([0]);
    await pod.deliver.stop();
    const phone = await other.connect("c2");
    await at.answer(["2"]);
    expect([former.shown, phone.shown]).toEqual([["1"], ["!1", "2"]]);
  });
});

describe("a standby whose Redis lost who holds the bot", () => {
  it("leaves the place to who held it and knows it later", async () => {
    const nothing = at.remember();
    const writer = await pod.connect("c1");
    const standby = await other.connect("c2");
    nothing();
    await other.loses();
    await at.clock.advance(limits.lifeMs - 500);
    await pod.loses();
    await at.clock.advance(5_000);
    await at.answer(["1"]);
    expect([writer.shown, standby.shown]).toEqual([["1"], []]);
  });

  it("takes it when who held it must have stopped", async () => {
    const nothing = at.remember();
    await pod.connect("c1");
    const standby = await other.connect("c2");
    pod.die();
    nothing();
    await other.loses();
    other.hearAgain();
    await at.clock.advance(limits.lifeMs - 100);
    expect(standby.role).not.toBe("writer");
    await at.clock.advance(100 + 2 * limits.writersLookEveryMs);
    expect(standby.role).toBe("writer");
  });

  it("does not take a missing key of life for a death until a life has passed", async () => {
    await pod.connect("c1");
    const standby = await other.connect("c2");
    await at.store.membership.leave("gateway", "a.1");
    pod.die();
    other.deliver.lost([]);
    await at.clock.advance(limits.lifeMs - limits.writersLookEveryMs);
    expect(standby.role).not.toBe("writer");
    await at.clock.advance(3 * limits.writersLookEveryMs);
    expect(standby.role).toBe("writer");
  });
});
