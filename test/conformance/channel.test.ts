import { expect, test } from "vitest";
import type { OutboxDecision } from "#common/ports/outbox.ts";
import { recorder } from "./heard.ts";
import { eventually, onEveryBackend } from "./on-every-backend.ts";

let events = 0;

function decision(actions: readonly string[], bot = "bot"): OutboxDecision {
  const event = (++events).toString(16).padStart(16, "0");
  return { bot, lane: 0, epoch: 1, event, deadline: Date.now() + 60_000, actions };
}

onEveryBackend((rig) => {
  test("every pod that subscribed hears a call's actions as one piece, with generation and sequence", async () => {
    const [worker, one, two] = [await rig.pod(), await rig.pod(), await rig.pod()];
    const [a, b] = [recorder(), recorder()];
    await one.channel.subscribe("bot", a.listener);
    await two.channel.subscribe("bot", b.listener);
    await worker.outboxWriter.enqueue([decision(["x", "y"]), decision(["z"])]);
    await worker.outboxWriter.enqueue([decision(["한글 \\n 😀"])]);
    const { generation } = await worker.outboxReader.read("bot", 1);
    const expected = [
      { generation, firstSequence: 1, actions: ["x", "y", "z"] },
      { generation, firstSequence: 4, actions: ["한글 \\n 😀"] },
    ];
    await eventually(() => expect([a.heard.pieces, b.heard.pieces]).toEqual([expected, expected]));
  });

  test("a bot's channel brings nothing of another bot", async () => {
    const { channel, outboxWriter } = await rig.pod();
    const [a, b] = [recorder(), recorder()];
    await channel.subscribe("a", a.listener);
    await channel.subscribe("b", b.listener);
    await outboxWriter.enqueue([decision(["for b"], "b")]);
    await eventually(() => expect(b.heard.pieces).toHaveLength(1));
    expect(a.heard.pieces).toEqual([]);
  });

  test("what is refused is not published", async () => {
    const { channel, outboxWriter } = await rig.pod();
    const { heard, listener } = recorder();
    await channel.subscribe("bot", listener);
    const once = decision(["x"]);
    await outboxWriter.enqueue([once, once, { ...decision(["late"]), deadline: Date.now() - 1 }]);
    await outboxWriter.enqueue([decision(["last"])]);
    await eventually(() => expect(heard.pieces.flatMap(({ actions }) => actions)).toEqual(["x", "last"]));
  });

  test("nothing is heard after an unsubscribe, and again after another subscribe", async () => {
    const { channel, outboxWriter } = await rig.pod();
    const [before, after] = [recorder(), recorder()];
    await channel.subscribe("bot", before.listener);
    await channel.unsubscribe("bot");
    await channel.unsubscribe("bot");
    await outboxWriter.enqueue([decision(["unheard"])]);
    await channel.subscribe("bot", after.listener);
    await outboxWriter.enqueue([decision(["heard"])]);
    await eventually(() => expect(after.heard.pieces.flatMap(({ actions }) => actions)).toEqual(["heard"]));
    expect(before.heard.pieces).toEqual([]);
  });
});
