import { describe, expect, it } from "vitest";
import { Quota } from "./quota.ts";

describe("a quota", () => {
  it("gives its burst at once and then its rate", () => {
    const quota = new Quota({ perSecond: 10, burst: 5, keysMax: 10 });
    const taken = Array.from({ length: 20 }, () => quota.tryTake("room", 0)).filter(Boolean);
    expect(taken).toHaveLength(5);
    expect(quota.tryTake("room", 99)).toBe(false);
    expect(quota.tryTake("room", 100)).toBe(true);
    expect(quota.tryTake("room", 100)).toBe(false);
  });

  it("gives its whole burst whatever fraction of a millisecond the clock shows", () => {
    for (let i = 0; i < 1_000; i++) {
      const nowMs = Math.sqrt(i) * 12_345.678_9;
      const once = new Quota({ perSecond: 1 / 60, burst: 1, keysMax: 10 });
      expect([once.tryTake("device", nowMs), once.tryTake("device", nowMs)]).toEqual([true, false]);
      const often = new Quota({ perSecond: 30, burst: 7, keysMax: 10 });
      expect(Array.from({ length: 9 }, () => often.tryTake("room", nowMs)).filter(Boolean)).toHaveLength(7);
    }
  });

  it("what is taken beyond it is owed, to the millisecond", () => {
    const quota = new Quota({ perSecond: 10, burst: 5, keysMax: 10 });
    for (let i = 0; i < 5; i++) quota.take("bot", 0);
    expect(quota.overdueMs("bot", 0)).toBe(0);
    for (let i = 0; i < 3; i++) quota.take("bot", 0);
    expect(quota.overdueMs("bot", 0)).toBe(300);
    expect(quota.overdueMs("bot", 300)).toBe(0);
  });

  it("one key's use costs another nothing", () => {
    const quota = new Quota({ perSecond: 1, burst: 1, keysMax: 10 });
    expect([quota.tryTake("a", 0), quota.tryTake("b", 0), quota.tryTake("a", 0)]).toEqual([true, true, false]);
  });

  it("beyond its number of keys the even ones are forgotten first, then the oldest", () => {
    const quota = new Quota({ perSecond: 1, burst: 1, keysMax: 10 });
    for (let i = 0; i < 11; i++) quota.take(`busy ${i}`, 0);
    expect(quota.tryTake("busy 10", 0)).toBe(false);
    expect(quota.tryTake("busy 0", 0)).toBe(true);
    expect(quota.tryTake("busy 9", 0)).toBe(false);
  });
});
