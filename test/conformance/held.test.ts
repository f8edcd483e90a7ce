/** Actions that wait for an operator, on every backend. */
import { expect, test } from "vitest";
import { encodeAction } from "#common/contract/codec.ts";
import { limits } from "#common/contract/limits.ts";
import type { HeldAction } from "#common/ports/held-actions.ts";
import { recorder } from "./heard.ts";
import { eventually, onEveryBackend } from "./on-every-backend.ts";
import { candidate, granted } from "./writer-steps.ts";

function held(id: string, heldAt: number, bot = "bot"): HeldAction {
  return { bot, id, heldAt, action: `action\tof ${id}` };
}

/** A bot's action as its outbox has it. */
function action(deadline: number): string {
  const place = { bot: "bot", channel: "1001", room: "a room" };
  return encodeAction({ v: 1, kind: "text", id: "a:0", ...place, deadline, text: "한글", inDoubt: "hold" });
}

onEveryBackend((rig) => {
  test("held actions of a bot are listed oldest first, each as it was put there", async () => {
    const { held: actions } = await rig.pod();
    const [a, b] = [held("a:0", 2_000), held("b:0", 1_000)];
    for (const one of [a, b, held("c:0", 1_500, "another")]) expect(await actions.hold(one)).toBe("held");
    expect(await actions.list("bot")).toEqual([b, a]);
    expect(await actions.list("nobody")).toEqual([]);
  });

  test("a repeat changes nothing, its age neither", async () => {
    const { held: actions } = await rig.pod();
    const first = held("a:0", Date.now() - 60_000);
    await actions.hold(first);
    expect(await actions.hold({ ...first, heldAt: Date.now(), action: "other" })).toBe("held");
    expect(await actions.list("bot")).toEqual([first]);
    const { count, oldestMs } = await actions.backlog();
    expect(count).toBe(1);
    expect(oldestMs).toBeGreaterThanOrEqual(60_000);
  });

  test("a bot that has too many is full: nothing is put there, a repeat and another bot still are", async () => {
    const { held: actions } = await rig.pod();
    const many = Array.from({ length: limits.heldPerBotMax }, (_, i) => held(`${i}:0`, 1_000 + i));
    await Promise.all(many.map((one) => actions.hold(one)));
    expect(await actions.hold(held("more:0", 9_000))).toBe("full");
    expect(await actions.hold(many[0] as HeldAction)).toBe("held");
    expect(await actions.hold(held("more:0", 9_000, "another"))).toBe("held");
    expect(await actions.list("bot")).toHaveLength(limits.heldPerBotMax);
    expect((await actions.backlog()).count).toBe(limits.heldPerBotMax + 1);
    await actions.discard("bot", "0:0");
    expect(await actions.hold(held("more:0", 9_000))).toBe("held");
  });

  test("a resend appends the action, publishes and marks it, and forgets that it was held, once", async () => {
    const { held: actions, channel, outboxReader, writers } = await rig.pod();
    const { heard, listener } = recorder();
    const { generation } = await granted(writers, candidate("c.1", "g.1"));
    await channel.subscribe("bot", listener);
    await actions.hold(held("a:0", 1_000));
    const renewed = action(Date.now() + 60_000);
    expect(await actions.resend("bot", "b:0", renewed)).toBe(false);
    expect(await actions.resend("bot", "a:0", renewed)).toBe(true);
    expect(await actions.resend("bot", "a:0", renewed)).toBe(false);
    expect(await actions.list("bot")).toEqual([]);
    expect(await actions.backlog()).toEqual({ count: 0, oldestMs: 0 });
    const piece = { generation, firstSequence: 1, actions: [renewed] };
    expect(await outboxReader.read("bot", 1)).toMatchObject(piece);
    expect(await outboxReader.heads(["bot"])).toEqual([{ bot: "bot", generation, next: 2, paused: false }]);
    expect(await outboxReader.takeDirty("g.1")).toEqual(["bot"]);
    await eventually(() => expect(heard.pieces).toEqual([piece]));
  });

  test("a resend of a bot without a writer waits in its outbox, between what was and what comes", async () => {
    const { held: actions, outboxReader, outboxWriter } = await rig.pod();
    const deadline = Date.now() + 60_000;
    const decision = { bot: "bot", lane: 0, epoch: 1, deadline };
    await actions.hold(held("a:0", 1_000));
    expect(await actions.resend("bot", "a:0", action(deadline))).toBe(true);
    await outboxWriter.enqueue([{ ...decision, event: "aaaaaaaaaaaaaaaa", actions: ["x"] }]);
    await actions.hold(held("b:0", 1_000));
    await actions.resend("bot", "b:0", action(deadline));
    expect((await outboxReader.read("bot", 1)).actions).toEqual([action(deadline), "x", action(deadline)]);
  });

  test("a discarded action is gone, and nothing of it is in the outbox", async () => {
    const { held: actions, outboxReader } = await rig.pod();
    await actions.hold(held("a:0", 1_000));
    expect([await actions.discard("bot", "a:0"), await actions.discard("bot", "a:0")]).toEqual([true, false]);
    expect(await actions.resend("bot", "a:0", action(Date.now() + 60_000))).toBe(false);
    expect((await outboxReader.read("bot", 1)).actions).toEqual([]);
    expect(await actions.backlog()).toEqual({ count: 0, oldestMs: 0 });
  });

  test("the backlog is of all bots of all tags, and as old as its oldest", async () => {
    const { held: actions } = await rig.pod();
    expect(await actions.backlog()).toEqual({ count: 0, oldestMs: 0 });
    const nowMs = Date.now();
    const bots = Array.from({ length: 8 }, (_, i) => `bot-${i}`);
    for (const [i, bot] of bots.entries()) await actions.hold(held("a:0", nowMs - 1_000 * (i + 1), bot));
    const { count, oldestMs } = await actions.backlog();
    expect(count).toBe(8);
    expect(oldestMs - 8_000).toBeGreaterThanOrEqual(0);
    expect(oldestMs - 8_000).toBeLessThan(60_000);
    await actions.discard("bot-7", "a:0");
    expect((await actions.backlog()).oldestMs).toBeLessThan(oldestMs);
  });

  test("an action of a clock ahead of ours has no age yet", async () => {
    const { held: actions } = await rig.pod();
    await actions.hold(held("a:0", Date.now() + 60_000));
    expect(await actions.backlog()).toEqual({ count: 1, oldestMs: 0 });
  });
});
