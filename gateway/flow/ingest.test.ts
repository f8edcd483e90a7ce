import { beforeEach, describe, expect, it } from "vitest";
import { eventIdOfFrame, eventIdOfLog, untrustedIdOf } from "#common/contract/ids.ts";
import { limits } from "#common/contract/limits.ts";
import { ingestRig, Reader } from "#test/fixtures/ingest.ts";

let at: ReturnType<typeof ingestRig>;
beforeEach(() => {
  at = ingestRig();
});

describe("a line that was read", () => {
  it("is in its lane with the connection's identity and its own id", async () => {
    at.say("a", { logId: "300" });
    at.say("b");
    await at.clock.settle();
    const [a, b] = await at.logged();
    expect(a).toMatchObject({ kind: "chat", bot: "LOA.i", text: "a", logId: "300" });
    expect(a?.id).toBe(eventIdOfLog("LOA.i", "184", "300"));
    expect(b?.id).toBe(eventIdOfFrame("LOA.i", Buffer.from("b")));
    expect(a?.receivedAt).toBe(at.clock.nowMs());
    expect(await at.counted('moa_messages_appended_total{kind="chat"}')).toBe(2);
  });

  it("keeps its place in its room through errors, and is there once when only the reply was lost", async () => {
    at.door.shut = "after";
    at.say("1");
    await at.clock.settle();
    at.say("2");
    at.say("3");
    await at.clock.advance(500);
    at.door.shut = "no";
    await at.clock.advance(5_000);
    expect((await at.logged()).map((event) => event.text)).toEqual(["1", "2", "3"]);
  });

  it("keeps the incarnation and number of its first try, later ones take the new incarnation", async () => {
    at.door.shut = "before";
    at.say("1");
    await at.clock.settle();
    at.state.member = "gw.2";
    at.say("2");
    await at.clock.advance(300);
    at.door.shut = "no";
    await at.clock.advance(5_000);
    const tries = at.door.tries.map(({ by, number }) => `${by} ${number}`);
    expect(new Set(tries)).toEqual(new Set(["gw.1 1", "gw.2 2"]));
    expect(tries.at(-1)).toBe("gw.2 2");
  });

  it("is appended though its connection closed meanwhile", async () => {
    at.door.shut = "before";
    at.say("1");
    await at.clock.settle();
    at.ingest.closed(at.readers[0]);
    at.door.shut = "no";
    await at.clock.advance(5_000);
    expect(await at.logged()).toHaveLength(1);
  });

  it("is refused as the twin of the other API's, and counted", async () => {
    at.say("a", { logId: "300" });
    at.say("a");
    await at.clock.settle();
    expect(await at.logged()).toHaveLength(1);
    expect(await at.counted('moa_messages_not_accepted_total{reason="twin"}')).toBe(1);
  });
});

describe("a line that was judged", () => {
  it("names the connection's device, and is unapproved only where the device is", async () => {
    at.say("a");
    at.say("b", { judgement: "unapproved" });
    at.say("c", { judgement: "untrusted" });
    await at.clock.settle();
    const told = (await at.logged()).map(({ text, device, unapproved }) => ({ text, device, unapproved }));
    expect(told).toEqual([
      { text: "a", device: "d1", unapproved: undefined },
      { text: "b", device: "d1", unapproved: true },
      { text: "c", device: "d1", unapproved: undefined },
    ]);
  });

  it.each(["untrusted", "unapproved"] as const)("as %s never has the id of a trusted one", async (judgement) => {
    at.say("a", { logId: "300", judgement });
    at.say("b", { judgement });
    await at.clock.settle();
    const own = [eventIdOfLog("LOA.i", "184", "300"), eventIdOfFrame("LOA.i", Buffer.from("b"))];
    expect((await at.logged()).map(({ id }) => id)).toEqual(own.map(untrustedIdOf));
  });

  it.each(["source", "no_key", "unsigned", "bad_signature"] as const)(
    "as refused for %s is counted and goes nowhere",
    async (judgement) => {
      at.say("a", { judgement });
      await at.clock.settle();
      expect(await at.logged()).toEqual([]);
      expect(await at.counted(`moa_messages_not_accepted_total{reason="${judgement}"}`)).toBe(1);
    },
  );

  it("as unapproved takes nothing of its bot's and room's quotas", async () => {
    at = ingestRig({ botRatePerSecond: 10, roomRatePerSecond: 1 });
    const [stranger, own] = at.readers;
    for (let i = 0; i < 100; i++) at.say(`${i}`, { reader: stranger, judgement: "unapproved" });
    at.say("own", { reader: own });
    await at.clock.settle();
    expect([[...stranger.holds], [...own.holds]]).toEqual([["quota"], []]);
    expect((await at.logged()).map(({ text }) => text)).toContain("own");
  });
});

describe("back-pressure", () => {
  it("a connection with too many lines not acknowledged is not read until half of them are", async () => {
    at.door.shut = "before";
    for (let i = 0; i <= limits.unappendedPerConnectionMax; i++) at.say(`${i}`);
    expect([...at.readers[0].holds]).toEqual(["unappended"]);
    expect(at.readers[1].holds.size).toBe(0);
    at.door.shut = "no";
    await at.clock.advance(5_000);
    expect(at.readers[0].holds.size).toBe(0);
    const said = (await at.logged()).map((event) => Number(event.text));
    expect(said).toEqual(Array.from({ length: limits.unappendedPerConnectionMax + 1 }, (_, i) => i));
  });

  it("when the pod holds too much no connection is read, a new one neither, until it holds half", async () => {
    at.door.shut = "before";
    const text = "x".repeat(500_000);
    for (let i = 0; i < 60; i++) at.say(`${i}${text}`);
    const late = new Reader("c3");
    at.ingest.opened(late);
    expect([at.readers[0], at.readers[1], late].every((reader) => reader.holds.has("ring"))).toBe(true);
    at.door.shut = "no";
    await at.clock.advance(5_000);
    expect(at.readers.every((reader) => reader.holds.size === 0)).toBe(true);
    expect(at.queues.waitingBytes).toBe(0);
  });

  it("the pod is idle when all is acknowledged, and what waits is given up at its close", async () => {
    at.door.shut = "before";
    at.say("1");
    let idle = false;
    void at.queues.idle().then(() => {
      idle = true;
    });
    await at.clock.settle();
    expect(idle).toBe(false);
    at.queues.close();
    await at.clock.advance(5_000);
    expect(idle).toBe(true);
  });
});

describe("quotas", () => {
  it("a bot beyond its rate is read slower and loses nothing", async () => {
    at = ingestRig({ botRatePerSecond: 10, roomRatePerSecond: 1_000 });
    for (let i = 0; i < 30; i++) at.say(`${i}`);
    await at.clock.advance(1_900);
    expect([...at.readers[0].holds]).toEqual(["quota"]);
    await at.clock.advance(200);
    expect(at.readers[0].holds.size).toBe(0);
    expect(await at.logged()).toHaveLength(30);
  });

  it("a room beyond ten seconds' worth is refused and counted, other rooms are not", async () => {
    at = ingestRig({ botRatePerSecond: 1_000, roomRatePerSecond: 1 });
    for (let i = 0; i < 15; i++) at.say(`${i}`);
    at.say("elsewhere", { channel: "185" });
    await at.clock.settle();
    expect(await at.logged()).toHaveLength(limits.quotaBurstSeconds + 1);
    expect(await at.counted('moa_messages_not_accepted_total{reason="room_quota"}')).toBe(5);
  });
});
