import { describe, expect, it } from "vitest";
import type { TextAction } from "#common/contract/envelope.ts";
import { actionIdOf } from "#common/contract/ids.ts";
import { limits } from "#common/contract/limits.ts";
import { FakeClock } from "#test/fixtures/fake-clock.ts";
import { type ShowingOptions, showingOf } from "./showing.ts";
import { ShownLately } from "./shown-lately.ts";

const ACTION: TextAction = {
  v: 1,
  kind: "text",
  id: "0000000000000001:0",
  bot: "b",
  channel: "1",
  room: "r",
  deadline: 1_000,
  text: "x",
};
const session = { encode: () => [Buffer.from("x")], busyMs: () => 0 };

function shown(action: Partial<TextAction>, options: Partial<ShowingOptions> = {}) {
  const all = {
    session,
    nowMs: 500,
    inDoubt: false,
    doubtBefore: Number.NEGATIVE_INFINITY,
    againBefore: 400,
    lately: undefined,
    mark: undefined,
    ...options,
  };
  const showing = showingOf({ ...ACTION, ...action }, all);
  if (showing.kind === "pass") return `${showing.result}, ${showing.receipt}`;
  return showing.kind === "show" && showing.resent ? "labelled" : showing.kind;
}

describe("an action whose turn has come", () => {
  it("is shown; when a former writer may have shown it, it says so", () => {
    expect(shown({})).toBe("show");
    expect(shown({}, { inDoubt: true })).toBe("labelled");
    expect(shown({}, { lately: "unconfirmed" })).toBe("labelled");
  });

  it("that was put back is in doubt if it was asked for before this pod knew, and passed if it was shown here", () => {
    expect(shown({ again: true, askedAt: 399 })).toBe("labelled");
    expect(shown({ again: true, askedAt: 399, inDoubt: "hold" })).toBe("hold");
    expect(shown({ again: true, askedAt: 399, inDoubt: "drop" })).toBe("dropped, written");
    expect(shown({ again: true, askedAt: 399 }, { lately: "confirmed" })).toBe("known, confirmed");
    expect(shown({ again: true, askedAt: 400 })).toBe("show");
    expect(shown({ askedAt: 399 })).toBe("show");
  });

  it("says so as well when it was asked for before a loss of Redis and another pod may have shown it", () => {
    const doubtBefore = 400;
    expect(shown({ askedAt: 400 }, { doubtBefore })).toBe("show");
    expect(shown({ askedAt: 399 }, { doubtBefore })).toBe("labelled");
    expect(shown({ askedAt: 399 }, { doubtBefore, lately: "confirmed" })).toBe("known, confirmed");
    expect(shown({ deadline: 399 + limits.actionMsMax }, { doubtBefore })).toBe("labelled");
    expect(shown({ deadline: 400 + limits.actionMsMax }, { doubtBefore })).toBe("show");
  });

  it("and is in doubt is dropped or put before an operator, if that is its class", () => {
    expect(shown({ inDoubt: "drop" })).toBe("show");
    expect(shown({ inDoubt: "drop" }, { inDoubt: true })).toBe("dropped, written");
    expect(shown({ inDoubt: "hold" }, { inDoubt: true })).toBe("hold");
  });

  it("is not shown late; money in doubt is an operator's to find out, however late", () => {
    expect(shown({}, { nowMs: 1_001 })).toBe("expired, expired");
    expect(shown({}, { nowMs: 1_001, inDoubt: true })).toBe("expired, written");
    expect(shown({ inDoubt: "hold" }, { nowMs: 1_001, inDoubt: true })).toBe("hold");
  });

  it("and was confirmed a moment ago is passed over, whatever else it is", () => {
    expect(shown({ inDoubt: "hold" }, { nowMs: 1_001, inDoubt: true, lately: "confirmed" })).toBe("known, confirmed");
  });

  it("that its dialect cannot show is passed over", () => {
    expect(shown({}, { session: { ...session, encode: () => [] } })).toBe("unshowable, expired");
  });
});

describe("what was shown lately", () => {
  const idOf = (n: number) => actionIdOf(`${n}`.padStart(16, "0"), n % 3);
  const [a, b, c] = [idOf(1_001), idOf(1_002), idOf(1_003)];

  it("is known for at least its time, and forgotten after twice that", async () => {
    const clock = new FakeClock();
    const lately = new ShownLately(clock);
    lately.note(a, "unconfirmed");
    lately.note(a, "confirmed");
    await clock.advance(limits.shownLatelyMs);
    lately.note(b, "unconfirmed");
    expect([lately.of(a), lately.of(b), lately.of(c)]).toEqual(["confirmed", "unconfirmed", undefined]);
    await clock.advance(2 * limits.shownLatelyMs);
    lately.note(c, "confirmed");
    expect([lately.of(a), lately.of(b), lately.of(c)]).toEqual([undefined, undefined, "confirmed"]);
  });

  it("says from when on it has forgotten nothing", async () => {
    const clock = new FakeClock();
    const from = clock.nowMs();
    const lately = new ShownLately(clock);
    lately.begin(from);
    for (let i = 0; i < 2 * limits.shownLatelyMax; i++) lately.note(idOf(i), "confirmed");
    expect(lately.sureFrom).toBe(from);
    await clock.advance(limits.shownLatelyMs);
    lately.note(a, "confirmed");
    expect([lately.of(idOf(0)), lately.sureFrom]).toEqual([undefined, from]);
    await clock.advance(limits.shownLatelyMs);
    lately.note(b, "confirmed");
    expect([lately.of(a), lately.sureFrom]).toEqual(["confirmed", from + limits.shownLatelyMs]);
    await clock.advance(2 * limits.shownLatelyMs);
    lately.note(c, "confirmed");
    expect([lately.of(b), lately.sureFrom]).toEqual([undefined, from + 4 * limits.shownLatelyMs]);
  });

  it("is bounded", () => {
    const lately = new ShownLately(new FakeClock());
    for (let i = 0; i < 3 * limits.shownLatelyMax; i++) lately.note(idOf(i), "confirmed");
    expect(lately.of(idOf(0))).toBeUndefined();
    expect(lately.of(idOf(2 * limits.shownLatelyMax))).toBe("confirmed");
  });
});
