import { describe, expect, it } from "vitest";
import { FakeClock } from "#test/fixtures/fake-clock.ts";
import { Ring } from "./ring.ts";

function ringOf(bytesMax = 1_000) {
  const clock = new FakeClock();
  const short: number[] = [];
  const ring = new Ring<string>({ clock, keptMs: 15_000, bytesMax, onShort: (ms) => short.push(ms) });
  return { clock, short, ring };
}

describe("a ring", () => {
  it("keeps what was put lately, in order, and lets the old go when the new comes", async () => {
    const { clock, ring, short } = ringOf();
    for (const value of ["a", "b", "c"]) {
      ring.put(value, 1);
      await clock.advance(6_000);
    }
    expect(ring.recent(60_000)).toEqual(["a", "b", "c"]);
    ring.put("d", 1);
    expect(ring.recent(60_000)).toEqual(["b", "c", "d"]);
    expect([ring.bytes, short]).toEqual([3, []]);
  });

  it("is cut by its bytes, says by how much it is too short, and when it is whole again", async () => {
    const { clock, ring, short } = ringOf(10);
    ring.put("a", 4);
    await clock.advance(1_000);
    ring.put("b", 4);
    await clock.advance(2_000);
    ring.put("c", 4);
    expect([ring.recent(60_000), short]).toEqual([["b", "c"], [13_000]]);
    await clock.advance(14_000);
    ring.put("d", 1);
    expect([ring.recent(60_000), short]).toEqual([
      ["c", "d"],
      [13_000, 0],
    ]);
  });

  it("lets nothing go while it is pinned, and all that is due with the first put after", async () => {
    const { clock, ring } = ringOf(10);
    ring.put("a", 8);
    ring.pin();
    await clock.advance(20_000);
    ring.put("b", 8);
    expect(ring.recent(60_000)).toEqual(["a", "b"]);
    ring.unpin();
    ring.put("c", 2);
    expect(ring.recent(60_000)).toEqual(["b", "c"]);
  });

  it("takes what was renewed for new, in its old place, and gives nothing older than asked", async () => {
    const { clock, ring } = ringOf();
    ring.put("a", 1);
    ring.put("b", 1);
    await clock.advance(10_000);
    ring.renew(new Set(["b"]));
    await clock.advance(10_000);
    ring.put("c", 1);
    expect(ring.recent(60_000)).toEqual(["b", "c"]);
    expect(ring.recent(5_000)).toEqual(["c"]);
  });

  it("holds no more places than it has values, however many went through it", () => {
    const { ring } = ringOf(100);
    for (let i = 0; i < 10_000; i++) ring.put(`${i}`, 1);
    expect(ring.recent(60_000)).toEqual(Array.from({ length: 100 }, (_, i) => `${9_900 + i}`));
  });
});
