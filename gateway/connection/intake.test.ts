import { describe, expect, test } from "vitest";
import { limits } from "#common/contract/limits.ts";
import { createMetrics } from "#common/observe/metrics.ts";
import { FakeClock } from "#test/fixtures/fake-clock.ts";
import { HeldBytes } from "./held-bytes.ts";
import { Intake } from "./intake.ts";

const BURST = (limits.otherFramesPerSecondMax * limits.otherFramesBurstMs) / 1_000;

function heard(identity: object | null) {
  const clock = new FakeClock();
  const told: string[] = [];
  const says = { hold: (why: string) => told.push(why), close: (why: string) => told.push(`end ${why}`) };
  const held = new HeldBytes({ metrics: createMetrics(false).metrics, clock });
  return { clock, told, intake: new Intake({ identity, isRead: true, ...says }, { held, clock }) };
}

describe("frames that are no chat of the admitted", () => {
  test("are heard up to a burst; who says more is read no further, and ended later", async () => {
    const { clock, told, intake } = heard({});
    for (let i = 0; i < BURST; i++) intake.tookOther(null);
    expect(told).toEqual([]);
    intake.tookOther(null);
    expect(told).toEqual(["flood"]);
    await clock.advance(limits.floodLingerMs);
    expect(told).toEqual(["flood", "end flood"]);
  });

  test("that no phone's script makes count as many: they cost the most and are worth nothing", () => {
    const { told, intake } = heard({});
    for (let i = 0; i < BURST / limits.junkFrameWeight; i++) intake.tookOther("not_json");
    expect(told).toEqual([]);
    intake.tookOther("unknown_event");
    expect(told).toEqual(["flood"]);
  });

  test("that lack what a line needs count once: a picture without words is no junk", () => {
    const { told, intake } = heard({});
    for (let i = 0; i < BURST; i++) intake.tookOther("missing_text");
    expect(told).toEqual([]);
  });
});
