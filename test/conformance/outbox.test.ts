import { describe, expect, test } from "vitest";
import { tagOf } from "#common/contract/lanes.ts";
import { limits } from "#common/contract/limits.ts";
import type { OutboxDecision, OutboxExpiry, OutboxReader } from "#common/ports/outbox.ts";
import { onEveryBackend, topology } from "./on-every-backend.ts";
import { candidate, ending, granted } from "./writer-steps.ts";

const soon = () => Date.now() + 60_000;
let events = 0;

/** A decision of a fresh event of one bot, unless told otherwise. */
function decision(more: Partial<OutboxDecision> = {}): OutboxDecision {
  const event = (++events).toString(16).padStart(16, "0");
  return { bot: "bot", lane: 0, epoch: 1, event, deadline: soon(), actions: [`action of ${event}`], ...more };
}

async function actionsOf(outbox: OutboxReader, from = 1, bot = "bot") {
  return (await outbox.read(bot, from)).actions;
}

onEveryBackend((rig) => {
  describe("enqueue", () => {
    test("decisions get contiguous sequences in order, actions of one together", async () => {
      const { outboxWriter, outboxReader } = await rig.pod();
      const outcomes = await outboxWriter.enqueue([decision({ actions: ["a", "b"] }), decision({ actions: ["c"] })]);
      expect(outcomes).toEqual(["accepted", "accepted"]);
      await outboxWriter.enqueue([decision({ actions: ["d"] })]);
      expect(await outboxReader.read("bot", 1)).toMatchObject({ firstSequence: 1, actions: ["a", "b", "c", "d"] });
      expect(await outboxReader.read("bot", 3)).toMatchObject({ firstSequence: 3, actions: ["c", "d"] });
    });

    test("an event's decision is there once, in one call and over calls", async () => {
      const { outboxWriter, outboxReader } = await rig.pod();
      const once = decision();
      expect(await outboxWriter.enqueue([once, once])).toEqual(["accepted", "duplicate"]);
      expect(await outboxWriter.enqueue([once])).toEqual(["duplicate"]);
      expect(await actionsOf(outboxReader)).toHaveLength(1);
    });

    test("the same event id of another bot is another event", async () => {
      const { outboxWriter } = await rig.pod();
      const one = decision();
      expect(await outboxWriter.enqueue([one])).toEqual(["accepted"]);
      expect(await outboxWriter.enqueue([{ ...one, bot: "another" }])).toEqual(["accepted"]);
    });

    test("what is past its deadline is refused, unless it is there already", async () => {
      const { outboxWriter, outboxReader } = await rig.pod();
      const late = decision({ deadline: Date.now() - 1 });
      expect(await outboxWriter.enqueue([late, decision()])).toEqual(["expired", "accepted"]);
      expect(await actionsOf(outboxReader)).toHaveLength(1);

      const brief = decision({ deadline: Date.now() + 200 });
      expect(await outboxWriter.enqueue([brief])).toEqual(["accepted"]);
      let again = await outboxWriter.enqueue([brief]);
      while (Date.now() < brief.deadline + 20) again = await outboxWriter.enqueue([brief]);
      expect(again).toEqual(["duplicate"]);
    });

    test("what is refused of a run leaves the rest whole, in order and contiguous", async () => {
      const { outboxWriter, outboxReader } = await rig.pod();
      const known = decision({ actions: ["k1", "k2"] });
      await outboxWriter.enqueue([known]);
      const again = decision({ actions: ["c1"] });
      const run = [decision({ actions: ["a1", "a2"] }), known, again, again, decision({ actions: ["d1", "d2", "d3"] })];
      expect(await outboxWriter.enqueue(run)).toEqual(["accepted", "duplicate", "accepted", "duplicate", "accepted"]);
      const all = ["k1", "k2", "a1", "a2", "c1", "d1", "d2", "d3"];
      expect(await outboxReader.read("bot", 1)).toMatchObject({ firstSequence: 1, actions: all });
      for (let from = 1; from <= all.length; from++)
        expect(await outboxReader.read("bot", from)).toMatchObject({
          firstSequence: from,
          actions: all.slice(from - 1),
        });
    });

    test("of a run that began to expire the rest is accepted", async () => {
      const { outboxWriter, outboxReader } = await rig.pod();
      const past = Date.now() - 1;
      // Of the same minute, or it would be no run.
      const last = (Math.floor(past / 60_000) + 1) * 60_000 - 1;
      const run = [decision({ deadline: past, actions: ["x", "y"] }), decision({ deadline: last, actions: ["z"] })];
      const outcomes = await outboxWriter.enqueue(run);
      expect(outcomes[0]).toBe("expired");
      expect(await actionsOf(outboxReader)).toEqual(outcomes[1] === "accepted" ? ["z"] : []);
    });

    test("a lane's lower epoch is refused once a higher one was seen, of that lane and bot only", async () => {
      const { outboxWriter, outboxReader } = await rig.pod();
      expect(await outboxWriter.enqueue([decision({ epoch: 5 }), decision({ epoch: 4 })])).toEqual([
        "accepted",
        "fenced",
      ]);
      expect(await outboxWriter.enqueue([decision({ epoch: 4 })])).toEqual(["fenced"]);
      expect(await outboxWriter.enqueue([decision({ epoch: 4, lane: 1 })])).toEqual(["accepted"]);
      expect(await outboxWriter.enqueue([decision({ epoch: 4, bot: "another" })])).toEqual(["accepted"]);
      expect(await outboxWriter.enqueue([decision({ epoch: 6 }), decision({ epoch: 5 })])).toEqual([
        "accepted",
        "fenced",
      ]);
      expect(await actionsOf(outboxReader)).toHaveLength(3);
    });

    test("a fenced decision leaves no dedupe entry: the new owner's is accepted", async () => {
      const { outboxWriter } = await rig.pod();
      await outboxWriter.enqueue([decision({ epoch: 5 })]);
      const one = decision({ epoch: 4 });
      expect(await outboxWriter.enqueue([one])).toEqual(["fenced"]);
      expect(await outboxWriter.enqueue([{ ...one, epoch: 5 }])).toEqual(["accepted"]);
    });

    test("a full call of several bots of one tag has an outcome for each, each bot in its own order", async () => {
      const { outboxWriter, outboxReader } = await rig.pod();
      const ofOneTag = Array.from({ length: 20 }, (_, i) => `bot-${i}`).filter((bot) => tagOf(topology, bot) === 0);
      const decisions = Array.from({ length: limits.decisionsPerCallMax }, (_, i) =>
        decision({ bot: ofOneTag[i % ofOneTag.length] as string }),
      );
      expect(await outboxWriter.enqueue(decisions)).toEqual(decisions.map(() => "accepted"));
      for (const bot of ofOneTag) {
        const expected = decisions.filter((one) => one.bot === bot).flatMap(({ actions }) => actions);
        expect(await actionsOf(outboxReader, 1, bot)).toEqual(expected);
      }
      expect(await outboxWriter.enqueue([])).toEqual([]);
    });

    test("an outbox that nobody confirms keeps its newest actions up to the limit", async () => {
      const { outboxWriter, outboxReader, writers } = await rig.pod();
      const actions = Array.from({ length: 2_000 }, (_, i) => `${i}`);
      for (let i = 0; i < 6; i++) await outboxWriter.enqueue([decision({ actions })]);
      const { first, next } = await granted(writers, candidate("c", "g.1"));
      expect([first, next]).toEqual([12_001 - limits.outboxActionsMax, 12_001]);
      expect(await outboxReader.read("bot", 1)).toMatchObject({ firstSequence: first });
    });
  });

  describe("read", () => {
    test("an unknown bot has no generation and nothing to read", async () => {
      const { outboxReader } = await rig.pod();
      expect(await outboxReader.read("nobody", 1)).toEqual({
        generation: "",
        epoch: 0,
        firstSequence: 1,
        actions: [],
      });
      expect(await outboxReader.heads(["nobody"])).toEqual([{ bot: "nobody", generation: "", next: 1, paused: false }]);
    });

    test("a piece is bounded, and the next read goes on where it ended", async () => {
      const { outboxWriter, outboxReader } = await rig.pod();
      const actions = Array.from({ length: limits.outboxReadMax + 10 }, (_, i) => `${i}`);
      await outboxWriter.enqueue([decision({ actions })]);
      const first = await actionsOf(outboxReader);
      expect(first).toHaveLength(limits.outboxReadMax);
      expect(await actionsOf(outboxReader, 1 + first.length)).toEqual(actions.slice(limits.outboxReadMax));
      expect(await outboxReader.read("bot", actions.length + 1)).toMatchObject({
        firstSequence: actions.length + 1,
        actions: [],
      });
    });

    test("a piece is filled from as many calls as it takes", async () => {
      const { outboxWriter, outboxReader } = await rig.pod();
      const calls = Array.from({ length: 30 }, (_, call) => Array.from({ length: 11 }, (_, i) => `${call}:${i}`));
      for (const actions of calls) await outboxWriter.enqueue([decision({ actions })]);
      expect(await actionsOf(outboxReader, 5)).toEqual(calls.flat().slice(4, 4 + limits.outboxReadMax));
    });

    test("the generation stays, and the head tells it and the next sequence", async () => {
      const { outboxWriter, outboxReader, writers } = await rig.pod();
      await outboxWriter.enqueue([decision()]);
      const [head] = await outboxReader.heads(["bot"]);
      const { generation } = await granted(writers, candidate("c.1", "g.1"));
      await outboxWriter.enqueue([decision()]);
      expect(head).toEqual({ bot: "bot", generation, next: 2, paused: false });
      expect(generation).not.toBe("");
      expect((await outboxReader.read("bot", 1)).generation).toBe(generation);
      expect(await outboxReader.heads(["bot"])).toEqual([{ bot: "bot", generation, next: 3, paused: false }]);
    });

    test("bots have generations of their own", async () => {
      const { writers } = await rig.pod();
      const a = await granted(writers, candidate("c.1", "g.1", { bot: "a" }));
      const b = await granted(writers, candidate("c.2", "g.1", { bot: "b" }));
      expect(a.generation).not.toBe(b.generation);
    });
  });

  describe("confirm", () => {
    test("confirmed actions are gone, the others stay under their sequences", async () => {
      const { outboxWriter, outboxReader, writers } = await rig.pod();
      await outboxWriter.enqueue([decision({ actions: ["a", "b", "c"] })]);
      const { epoch, id, generation } = await granted(writers, candidate("c.1", "g.1"));
      expect(await outboxReader.confirm([{ bot: "bot", epoch, id, generation, upTo: 2 }])).toEqual([true]);
      expect(await outboxReader.read("bot", 1)).toEqual({ generation, epoch, firstSequence: 3, actions: ["c"] });
      const over = { epoch, id, end: ending(3) };
      expect(await granted(writers, candidate("c.2", "g.1"), { over })).toMatchObject({ first: 3, next: 4 });
    });

    test("a confirmation again, or of less, changes nothing; nor does one of what was never appended, which is told so", async () => {
      const { outboxWriter, outboxReader, writers } = await rig.pod();
      await outboxWriter.enqueue([decision({ actions: ["a", "b", "c"] })]);
      const { epoch, id, generation } = await granted(writers, candidate("c.1", "g.1"));
      const confirm = (upTo: number) => outboxReader.confirm([{ bot: "bot", epoch, id, generation, upTo }]);
      for (const upTo of [2, 2, 1]) expect(await confirm(upTo)).toEqual([true]);
      expect(await actionsOf(outboxReader)).toEqual(["c"]);
      expect(await confirm(4)).toEqual([false]);
      await outboxWriter.enqueue([decision({ actions: ["d"] })]);
      expect(await outboxReader.read("bot", 1)).toMatchObject({ firstSequence: 3, actions: ["c", "d"] });
      expect(await confirm(4)).toEqual([true]);
      expect(await actionsOf(outboxReader)).toEqual([]);
    });

    test("another epoch, id or generation confirms nothing and is told so, whatever else the call carries", async () => {
      const { outboxWriter, outboxReader, writers } = await rig.pod();
      await outboxWriter.enqueue([decision({ actions: ["a", "b"] })]);
      const former = await granted(writers, candidate("c.1", "g.1"));
      const { epoch, id, generation } = await granted(writers, candidate("c.2", "g.2"), { over: former });
      const right = { bot: "bot", epoch, id, generation, upTo: 1 };
      const stale = [
        { ...right, epoch: former.epoch, id: former.id, upTo: 2 },
        { ...right, id: former.id, upTo: 2 },
        { ...right, epoch: former.epoch, upTo: 2 },
        { ...right, generation: "ffffffffffff", upTo: 2 },
      ];
      expect(await outboxReader.confirm(stale)).toEqual([false, false, false, false]);
      expect(await actionsOf(outboxReader)).toEqual(["a", "b"]);
      const [first, ...others] = stale as [(typeof stale)[0], ...typeof stale];
      expect(await outboxReader.confirm([first, right, ...others])).toEqual([false, true, false, false, false]);
      expect(await actionsOf(outboxReader)).toEqual(["b"]);
      expect(await outboxReader.confirm([])).toEqual([]);
    });
  });

  describe("forget", () => {
    async function forgotten(expiry: OutboxExpiry, beforeMs: number): Promise<number> {
      let dropped = 0;
      for await (const some of expiry.forget(beforeMs)) dropped += some;
      return dropped;
    }

    test("what expired before goes, of every bot, and what follows keeps its sequence", async () => {
      const { outboxWriter, outboxReader, outboxExpiry } = await rig.pod();
      const [early, late] = [Date.now() + 60_000, Date.now() + 120_000];
      for (let i = 0; i < 20; i++) await outboxWriter.enqueue([decision({ deadline: early, actions: ["a", "b"] })]);
      await outboxWriter.enqueue([decision({ deadline: late, actions: ["c"] }), decision({ deadline: early })]);
      for (const bot of ["x:out:y", "이모지 🎉"]) await outboxWriter.enqueue([decision({ bot, deadline: early })]);
      expect(await forgotten(outboxExpiry, early)).toBe(0);
      expect(await forgotten(outboxExpiry, early + 1)).toBe(42);
      expect(await outboxReader.read("bot", 1)).toMatchObject({ firstSequence: 41, actions: ["c", expect.anything()] });
      expect(await forgotten(outboxExpiry, late + 1)).toBe(2);
      await outboxWriter.enqueue([decision({ actions: ["d"] })]);
      expect(await outboxReader.read("bot", 1)).toMatchObject({ firstSequence: 43, actions: ["d"] });
    });
  });

  describe("dirty marks", () => {
    test("a bot is marked for its writer's pod, once, until taken", async () => {
      const { outboxWriter, outboxReader, writers } = await rig.pod();
      await granted(writers, candidate("c.1", "g.1"));
      await granted(writers, candidate("c.2", "g.2", { bot: "other" }));
      await outboxWriter.enqueue([decision()]);
      await outboxWriter.enqueue([decision()]);
      await outboxWriter.enqueue([decision({ bot: "other" })]);
      expect(await outboxReader.takeDirty("g.1")).toEqual(["bot"]);
      expect(await outboxReader.takeDirty("g.1")).toEqual([]);
      expect(await outboxReader.takeDirty("g.2")).toEqual(["other"]);
    });

    test("bots of all tags are taken in one call", async () => {
      const { outboxWriter, outboxReader, writers } = await rig.pod();
      const bots = Array.from({ length: 12 }, (_, i) => `bot-${i}`);
      for (const bot of bots) {
        await granted(writers, candidate(`c-${bot}`, "g.1", { bot }));
        await outboxWriter.enqueue([decision({ bot })]);
      }
      expect([...(await outboxReader.takeDirty("g.1"))].sort()).toEqual(bots.sort());
    });

    test("nothing is marked where nothing was appended, nor where nobody writes", async () => {
      const { outboxWriter, outboxReader, writers } = await rig.pod();
      const taken = await granted(writers, candidate("c.1", "g.1"));
      await outboxWriter.enqueue([decision({ deadline: Date.now() - 1 })]);
      expect(await outboxReader.takeDirty("g.1")).toEqual([]);
      await writers.end("bot", taken, ending(1));
      await outboxWriter.enqueue([decision()]);
      expect(await outboxReader.takeDirty("g.1")).toEqual([]);
    });
  });
});
