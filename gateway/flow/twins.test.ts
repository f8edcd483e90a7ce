import { describe, expect, it } from "vitest";
import { limits } from "#common/contract/limits.ts";
import type { ChatLine } from "#gateway/platforms/platform.ts";
import { Twins } from "./twins.ts";

const line = (logId: string | null, more: Partial<ChatLine> = {}): ChatLine => ({
  channel: "184",
  room: "room",
  sender: "someone",
  userHash: "h",
  text: "hi",
  logId,
  isGroupChat: true,
  isMention: false,
  clientAt: null,
  ...more,
});

describe("twins of the phone's two APIs", () => {
  it.each([
    [line("1"), line(null)],
    [line(null), line("1")],
  ])("the later of a pair is one, in either order", (first, second) => {
    const twins = new Twins();
    expect([twins.isTwin(first, 0), twins.isTwin(second, limits.twinMsMax)]).toEqual([false, true]);
  });

  it("the channel does not matter, as one API knows none", () => {
    const twins = new Twins();
    expect([twins.isTwin(line("1"), 0), twins.isTwin(line(null, { channel: "room" }), 0)]).toEqual([false, true]);
  });

  it.each([
    [line("1"), line("2")],
    [line(null), line(null)],
  ])("who repeats himself is heard twice", (first, second) => {
    const twins = new Twins();
    expect([twins.isTwin(first, 0), twins.isTwin(second, 1)]).toEqual([false, false]);
  });

  it.each([{ room: "another" }, { sender: "another" }, { text: "another" }])("another %o is no twin", (more) => {
    const twins = new Twins();
    expect([twins.isTwin(line("1"), 0), twins.isTwin(line(null, more), 1)]).toEqual([false, false]);
  });

  it("after the window it is a line of its own", () => {
    const twins = new Twins();
    expect([twins.isTwin(line("1"), 0), twins.isTwin(line(null), limits.twinMsMax + 1)]).toEqual([false, false]);
  });

  it("each line is the twin of one other only", () => {
    const twins = new Twins();
    const said = [line("1"), line(null), line(null), line("2")];
    expect(said.map((each) => twins.isTwin(each, 0))).toEqual([false, true, false, true]);
  });

  it("remembers a bounded number of lines, the newest", () => {
    const twins = new Twins();
    const count = limits.twinsPerConnectionMax + 1;
    for (let i = 0; i < count; i++) twins.isTwin(line(`${i}`, { text: `${i}` }), 0);
    expect(twins.isTwin(line(null, { text: "0" }), 0)).toBe(false);
    expect(twins.isTwin(line(null, { text: `${count - 1}` }), 0)).toBe(true);
  });
});
