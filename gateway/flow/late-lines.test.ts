import { beforeEach, describe, expect, it } from "vitest";
import { ingestRig, Reader } from "#test/fixtures/ingest.ts";

let at: ReturnType<typeof ingestRig>;
beforeEach(() => {
  at = ingestRig();
});

describe("a pod that slept longer than its life", () => {
  const texts = async () => (await at.logged()).map(({ text, late }) => (late ? `${text} late` : text));
  const held = () => at.readers.map(({ holds }) => holds.has("tenure"));

  it("stops reading and appending with the first line that it reads, before anything else could tell", async () => {
    at.state.isAlive = false;
    at.say("1");
    const late = new Reader("c3");
    at.ingest.opened(late);
    await at.clock.advance(5_000);
    expect([held(), late.holds.has("tenure"), await at.logged()]).toEqual([[true, true], true, []]);
  });

  it("goes on where it was when its tenures stand, with nothing late", async () => {
    at.say("1");
    at.state.isAlive = false;
    at.say("2");
    at.ingest.settled();
    expect(held()).toEqual([true, true]);
    at.state.isAlive = true;
    at.ingest.settled();
    at.say("3");
    await at.clock.advance(5_000);
    expect([held(), await texts()]).toEqual([
      [false, false],
      ["1", "2", "3"],
    ]);
  });

  it("marks late what waits, what was unread and what follows, of the connection that lost its bot and no other", async () => {
    at.door.shut = "before";
    at.say("waited");
    await at.clock.settle();
    at.state.isAlive = false;
    at.say("unread");
    at.say("other", { reader: at.readers[1] });
    at.door.shut = "no";
    at.state.isAlive = true;
    at.ingest.lost("c1");
    at.ingest.settled();
    at.say("after");
    await at.clock.advance(5_000);
    expect(await texts()).toEqual(["waited late", "unread late", "other", "after late"]);
  });

  it("takes what a connection says for new once it has caught up, not what it said before", async () => {
    at.state.isAlive = false;
    at.ingest.lapsed();
    at.ingest.lost("c1");
    at.state.isAlive = true;
    at.ingest.settled();
    at.door.shut = "before";
    at.say("before");
    at.ingest.caughtUp("c1");
    at.say("now");
    at.door.shut = "no";
    await at.clock.advance(5_000);
    expect(await texts()).toEqual(["before late", "now"]);
  });

  it("marks late what a connection left behind that has closed since", async () => {
    at.state.isAlive = false;
    at.say("left");
    at.ingest.closed(at.readers[0]);
    at.ingest.lost("c1");
    at.state.isAlive = true;
    at.ingest.settled();
    await at.clock.advance(5_000);
    expect(await texts()).toEqual(["left late"]);
  });

  it("appends nothing of a batch that was on its way when it fell asleep", async () => {
    at.door.shut = "before";
    at.say("1");
    await at.clock.settle();
    at.state.isAlive = false;
    at.door.shut = "no";
    await at.clock.advance(5_000);
    expect(await at.logged()).toEqual([]);
    at.state.isAlive = true;
    at.ingest.lost("c1");
    at.ingest.settled();
    await at.clock.advance(5_000);
    expect(await texts()).toEqual(["1 late"]);
  });
});
