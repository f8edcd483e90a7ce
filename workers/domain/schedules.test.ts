import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { judge, nextTime, type Times } from "./schedules.ts";

/** Korean wall clock. 2026-11-22 is a Sunday. */
const at = (wall: string) => Date.parse(`${wall.replace(" ", "T")}+09:00`);
const wall = (ms: number | null) => ms && new Date(ms + 9 * 3_600_000).toISOString().slice(0, 16).replace("T", " ");
const ofDay = (...times: readonly string[]) => times.map((time) => at(`1970-01-01 ${time}`) + 9 * 3_600_000);

const NEVER: Times = { kind: "daily", timesMs: [], weekdays: [], onceMs: null, validFromMs: null, validUntilMs: null };
const daily = (...times: readonly string[]): Times => ({ ...NEVER, timesMs: ofDay(...times) });
const weekly = (weekdays: readonly number[], ...times: readonly string[]): Times => {
  return { ...daily(...times), kind: "weekly", weekdays };
};
const once = (when: string): Times => ({ ...NEVER, kind: "once", onceMs: at(when) });
const [SUNDAY, MONDAY, WEDNESDAY] = [0, 1, 3] as const;

describe("the next time", () => {
  test.each([
    ["the same day", daily("09:00"), "2026-11-22 08:59", "2026-11-22 09:00"],
    ["the next day, as a time is not after itself", daily("09:00"), "2026-11-22 09:00", "2026-11-23 09:00"],
    ["midnight", daily("00:00"), "2026-11-22 00:00", "2026-11-23 00:00"],
    ["the end of a day", daily("23:59"), "2026-11-22 23:58", "2026-11-22 23:59"],
    ["before nine, which is yesterday in UTC", daily("08:59"), "2026-11-22 08:00", "2026-11-22 08:59"],
    [
      "the earliest of several, in whatever order",
      daily("18:00", "09:00", "12:30"),
      "2026-11-22 10:00",
      "2026-11-22 12:30",
    ],
    [
      "the first of the next day after the last of one",
      daily("18:00", "09:00"),
      "2026-11-22 18:00",
      "2026-11-23 09:00",
    ],
    ["over the end of a month", daily("09:00"), "2026-11-30 10:00", "2026-12-01 09:00"],
    ["over the end of a year", daily("09:00"), "2026-12-31 10:00", "2027-01-01 09:00"],
    ["a leap day", daily("09:00"), "2028-02-28 10:00", "2028-02-29 09:00"],
    ["no leap day", daily("09:00"), "2027-02-28 10:00", "2027-03-01 09:00"],
    ["the next of its weekdays", weekly([MONDAY, WEDNESDAY], "09:00"), "2026-11-23 09:00", "2026-11-25 09:00"],
    ["over the end of a week", weekly([MONDAY, WEDNESDAY], "09:00"), "2026-11-25 09:00", "2026-11-30 09:00"],
    ["the same weekday, later on", weekly([SUNDAY], "09:00"), "2026-11-22 08:00", "2026-11-22 09:00"],
    ["the same weekday of the next week", weekly([SUNDAY], "09:00"), "2026-11-22 09:00", "2026-11-29 09:00"],
    ["a weekday that is another in UTC", weekly([MONDAY], "01:00"), "2026-11-22 12:00", "2026-11-23 01:00"],
    ["none without a weekday", weekly([], "09:00"), "2026-11-22 09:00", null],
    ["none without a time", daily(), "2026-11-22 09:00", null],
    ["once", once("2026-11-22 09:00"), "2026-11-22 08:00", "2026-11-22 09:00"],
    ["not twice", once("2026-11-22 09:00"), "2026-11-22 09:00", null],
  ])("%s", (...[, times, after, next]) => {
    expect(wall(nextTime(times, at(after)))).toBe(next);
  });

  const bounded = { validFromMs: at("2026-11-25 09:00"), validUntilMs: at("2026-11-27 09:00") };
  test.each([
    ["its first day belongs to it", "2026-11-20 00:00", "2026-11-25 09:00"],
    ["its last moment belongs to it", "2026-11-26 09:00", "2026-11-27 09:00"],
    ["nothing after it does", "2026-11-27 09:00", null],
  ])("within its validity: %s", (_, after, next) => {
    expect(wall(nextTime({ ...daily("09:00"), ...bounded }, at(after)))).toBe(next);
  });

  test("of any schedule is after the moment, one of its times, and none is left out", () => {
    const minutes = fc.uniqueArray(fc.integer({ min: 0, max: 1_439 }), { minLength: 1, maxLength: 4 });
    const weekdays = fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { minLength: 1 });
    fc.assert(
      fc.property(minutes, weekdays, fc.integer({ min: 0, max: 2 ** 41 }), (ofMinutes, days, afterMs) => {
        const times: Times = { ...weekly(days), timesMs: ofMinutes.map((minute) => minute * 60_000) };
        const found = nextTime(times, afterMs) as number;
        const inKorea = (ms: number) => new Date(ms + 9 * 3_600_000);
        const isOne = (ms: number) =>
          days.includes(inKorea(ms).getUTCDay()) && ofMinutes.includes(Math.floor((ms / 60_000 + 540) % 1_440));
        expect(found).toBeGreaterThan(afterMs);
        expect(isOne(found) && found % 60_000 === 0).toBe(true);
        for (let ms = Math.floor(afterMs / 60_000) * 60_000 + 60_000; ms < found; ms += 60_000) {
          if (isOne(ms)) throw new Error(`${wall(ms)} was left out`);
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe("what becomes of a time", () => {
  const nine = daily("09:00");
  test.each([
    ["that is to come is waited for", nine, "09:00", "08:59", "wait", "2026-11-22 09:00"],
    ["is sent at its moment", nine, "09:00", "09:00", "send", "2026-11-23 09:00"],
    ["D-50 that passed less than five minutes ago is sent", nine, "09:00", "09:03", "send", "2026-11-23 09:00"],
    ["that passed five minutes ago is sent", nine, "09:00", "09:05", "send", "2026-11-23 09:00"],
    ["D-50 that passed longer ago is missed", nine, "09:00", "09:10", "missed", "2026-11-23 09:00"],
    [
      "is missed, and a later one of the day still sent",
      daily("09:00", "09:08"),
      "09:00",
      "09:10",
      "missed",
      "2026-11-22 09:08",
    ],
    ["of one sent once: there is no other", once("2026-11-22 09:00"), "09:00", "09:01", "send", null],
    ["of one sent once that an operator moved: neither", once("2026-11-25 09:00"), "09:00", "09:01", "send", null],
    ["of one sent once is missed for good", once("2026-11-22 09:00"), "09:00", "09:10", "missed", null],
  ])("%s", (...[, times, known, now, kind, next]) => {
    const verdict = judge(times, at(`2026-11-22 ${known}`), at(`2026-11-22 ${now}`));
    expect([verdict.kind, wall(verdict.nextMs)]).toEqual([kind, next]);
  });

  test("after days without a worker one is missed, and the times between are left out", () => {
    const verdict = judge(nine, at("2026-11-01 09:00"), at("2026-11-22 09:02"));
    expect([verdict.kind, wall(verdict.nextMs)]).toEqual(["missed", "2026-11-22 09:00"]);
  });

  test("outside its validity is passed over", () => {
    const from = { ...nine, validFromMs: at("2026-11-25 00:00") };
    const early = judge(from, at("2026-11-22 09:00"), at("2026-11-22 09:01"));
    expect([early.kind, wall(early.nextMs)]).toEqual(["pass", "2026-11-25 09:00"]);
    const until = { ...nine, validUntilMs: at("2026-11-21 00:00") };
    const late = judge(until, at("2026-11-22 09:00"), at("2026-11-22 09:01"));
    expect([late.kind, late.nextMs]).toEqual(["pass", null]);
  });

  test("that nobody has looked at yet is found, also if its minute has just begun", () => {
    const found = judge(nine, null, at("2026-11-22 09:00") + 30_000);
    expect([found.kind, wall(found.dueMs)]).toEqual(["send", "2026-11-22 09:00"]);
    expect(wall(judge(nine, null, at("2026-11-22 09:02")).dueMs)).toBe("2026-11-23 09:00");
    expect(judge(once("2026-11-20 09:00"), null, at("2026-11-22 09:00")).kind).toBe("missed");
    expect(judge(daily(), null, at("2026-11-22 09:00"))).toEqual({ kind: "pass", dueMs: null, nextMs: null });
  });
});
