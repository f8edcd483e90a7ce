import { describe, expect, it } from "vitest";
import { limits } from "#common/contract/limits.ts";
import { EPOCH, IDLE_MS, watched } from "#test/fixtures/liveness.ts";

describe("an unanswered barrier", () => {
  it("is evidence at its deadline when nothing is heard", () => {
    const world = watched();
    world.to(1_000);
    world.act(1);
    world.to(60_000);
    const atMs = 1_000 + limits.barrierAfterMs + limits.barrierMsMax;
    expect(world.dead).toEqual({ evidence: "barrier_timeout", atMs });
    expect(atMs - 1_000).toBeLessThan(5_000);
    expect(world.live.doubtedAt).toBe(EPOCH + 1_000);
  });

  it("is evidence much later while bytes still come", () => {
    const world = watched();
    world.act(1);
    for (let ms = 500; ms < 60_000; ms += 500) {
      world.to(ms);
      world.hear();
    }
    expect(world.dead).toEqual({ evidence: "barrier_timeout", atMs: limits.barrierAfterMs + limits.barrierBusyMsMax });
  });

  it("is evidence after its time of silence when the bytes stop", () => {
    const world = watched();
    world.act(1);
    world.to(3_000);
    world.hear();
    world.to(60_000);
    expect(world.dead).toEqual({ evidence: "barrier_timeout", atMs: 3_000 + limits.barrierMsMax });
  });

  it("waits longer by the media that stand unconfirmed, and no longer than by those", () => {
    const world = watched();
    world.act(1, 8_000);
    world.act(2, 2_000);
    world.to(limits.barrierAfterMs + limits.barrierMsMax + 9_999);
    expect(world.dead).toBeNull();
    world.echo();
    world.act(3);
    const fromMs = world.nowMs;
    world.to(60_000);
    expect(world.dead?.atMs).toBe(fromMs + limits.barrierAfterMs + limits.barrierMsMax);
  });

  it("waits for the media of an earlier reign as well: the phone goes on showing them", () => {
    const world = watched();
    world.act(1, 20_000);
    world.live.forget();
    world.act(1);
    world.to(20_000);
    expect(world.dead).toBeNull();
  });
});

describe("bytes that wait", () => {
  it("are evidence when the system takes none for too long, also while the phone speaks", () => {
    const world = watched();
    world.out.bufferedBytes = 100_000;
    world.out.movedAtMs = 1_000;
    world.to(1_000);
    world.act(1, 500);
    for (let ms = 1_500; ms < 20_000; ms += 500) {
      world.to(ms);
      world.hear();
    }
    expect(world.dead).toEqual({ evidence: "write_stalled", atMs: 1_000 + limits.writeStalledMs + 500 });
  });

  it("are none while they move, and a barrier behind them is not late", () => {
    const world = watched();
    world.out.bufferedBytes = 100_000;
    world.act(1);
    for (let ms = 1_000; ms <= 20_000; ms += 1_000) {
      world.out.movedAtMs = ms;
      world.to(ms);
    }
    expect(world.dead).toBeNull();
  });
});

describe("a silence that may be our own", () => {
  it("is none while it is not read, and every deadline starts anew after it", () => {
    const world = watched();
    world.act(1);
    world.to(1_000);
    world.live.hold();
    world.to(100_000);
    expect(world.dead).toBeNull();
    world.live.release(world.nowMs);
    world.to(200_000);
    expect(world.dead).toEqual({ evidence: "barrier_timeout", atMs: 100_000 + limits.barrierMsMax });
  });

  it("asks nothing of an idle connection that is not read, but sends the barriers of what is written", () => {
    const world = watched();
    world.live.hold();
    world.to(50_000);
    expect(world.pings).toHaveLength(1);
    world.act(1);
    world.to(51_000);
    expect(world.pings).toHaveLength(2);
  });

  it("starts every deadline anew when it is said to", () => {
    const world = watched();
    world.to(IDLE_MS + 4_999);
    world.live.restart(world.nowMs);
    world.to(60_000);
    expect(world.dead).toEqual({ evidence: "heartbeat_timeout", atMs: IDLE_MS + 4_999 + limits.pongMsMax });
  });

  it("gives no round trip", () => {
    const world = watched();
    world.to(IDLE_MS);
    world.live.hold();
    world.to(IDLE_MS + 60_000);
    world.live.release(world.nowMs);
    expect(world.echo()).toEqual({ rttMs: null, isBarrier: false, confirmed: null });
  });
});

describe("a phone that speaks and leaves its first ping unanswered", () => {
  const unconfirmed = () => {
    const world = watched({ echoes: false });
    world.to(1_000);
    world.hear();
    world.to(limits.pongMsMax);
    expect(world.live.answering).toBe("unknown");
    world.hear();
    world.to(limits.pongMsMax);
    expect(world.live.answering).toBe("unconfirmed");
    return world;
  };

  it("is confirmed by what the system took", () => {
    const world = unconfirmed();
    world.out.bufferedBytes = 10;
    world.out.movedAtMs = world.nowMs;
    world.act(1);
    world.act(2);
    world.to(7_000);
    expect(world.confirmed).toEqual([]);
    world.out.bufferedBytes = 0;
    world.to(7_000 + limits.barrierAfterMs);
    expect(world.confirmed).toEqual([2]);
  });

  it("is confirmed so of what was written before that was known", () => {
    const world = watched({ echoes: false });
    world.to(1_000);
    world.act(1);
    world.hear();
    world.to(limits.pongMsMax);
    expect(world.confirmed).toEqual([]);
    world.hear();
    world.to(limits.pongMsMax);
    expect(world.confirmed).toEqual([1]);
  });

  it("is no such phone when it spoke only before its answer was due: that may be one that died", () => {
    const world = watched({ echoes: false });
    world.to(10);
    world.hear();
    world.act(1);
    world.to(60_000);
    expect(world.confirmed).toEqual([]);
    expect(world.dead).toMatchObject({ evidence: "barrier_timeout" });
  });

  it("is never dead by its silence, and still pinged now and then", () => {
    const world = unconfirmed();
    world.to(600_000);
    expect(world.dead).toBeNull();
    expect(world.pings.length).toBeGreaterThan(40);
    expect(world.pings.length).toBeLessThan(52);
  });

  it("is dead when nothing can be written to it", () => {
    const world = unconfirmed();
    world.out.bufferedBytes = 10;
    world.out.movedAtMs = world.nowMs;
    world.act(1);
    world.to(60_000);
    expect(world.dead).toEqual({ evidence: "write_stalled", atMs: 2 * limits.pongMsMax });
  });

  it("is another one as soon as it echoes after all", () => {
    const world = unconfirmed();
    world.act(1);
    world.echo("n.1");
    expect(world.live.answering).toBe("confirmed");
    world.act(2);
    world.to(60_000);
    expect(world.dead).toMatchObject({ evidence: "barrier_timeout" });
  });

  it("is not known for one while it may be showing media", () => {
    const world = watched({ echoes: false });
    world.act(1, 10_000);
    world.to(14_000);
    world.hear();
    world.to(14_001);
    expect(world.live.answering).toBe("unknown");
  });
});

it("one that was thought dead and speaks is asked at once whether it listens, and owes nothing from before", () => {
  const world = watched();
  world.act(1, 5_000);
  world.to(30_000);
  expect(world.dead).not.toBeNull();
  world.hear();
  world.live.revive(world.nowMs);
  expect(world.live.next(world.nowMs, world.out)).toMatchObject({ kind: "ping" });
  expect(world.echo("n.2")).toBeNull();
  expect(world.confirmed).toEqual([]);
  expect(world.live.doubtedAt).toBe(EPOCH + 30_000);
});
