import { describe, expect, it } from "vitest";
import { limits } from "#common/contract/limits.ts";
import { IDLE_MS, watched } from "#test/fixtures/liveness.ts";

describe("a silent connection", () => {
  it("is pinged first at once, then after its own silence, and is dead when that is not answered in time", () => {
    const world = watched();
    world.to(30_000);
    expect(world.pings.map(({ atMs }) => atMs)).toEqual([0, IDLE_MS]);
    expect(world.dead).toEqual({ evidence: "heartbeat_timeout", atMs: IDLE_MS + limits.pongMsMax });
  });

  it("is dead when not even its first ping is answered and no byte comes", () => {
    const world = watched({ echoes: false });
    world.to(30_000);
    expect(world.dead).toEqual({ evidence: "heartbeat_timeout", atMs: limits.pongMsMax });
  });

  it("is cleared by any byte, and pinged again after the next silence", () => {
    const world = watched();
    world.to(IDLE_MS + limits.pongMsMax - 1);
    world.hear();
    world.to(2 * IDLE_MS + limits.pongMsMax - 2);
    expect(world.pings).toHaveLength(2);
    world.to(2 * IDLE_MS + limits.pongMsMax);
    expect(world.pings).toHaveLength(3);
    expect(world.dead).toBeNull();
  });

  it("counts as silent from its last byte, and not while it is not read or before it has echoed anything", () => {
    const mute = watched({ echoes: false });
    mute.to(1_000);
    expect(mute.live.silentMs(1_000)).toBe(0);
    const world = watched();
    world.to(1_000);
    world.hear();
    world.to(4_000);
    expect(world.live.silentMs(4_000)).toBe(3_000);
    world.live.hold();
    expect(world.live.silentMs(9_000)).toBe(0);
    world.live.release(9_000);
    expect(world.live.silentMs(9_500)).toBe(500);
  });

  it("costs one ping a silence for as long as it answers", () => {
    const world = watched();
    for (let i = 1; i <= 100; i++) {
      world.to(i * IDLE_MS);
      expect(world.echo()).toEqual({ rttMs: 0, isBarrier: false, confirmed: null });
    }
    expect(world.pings).toHaveLength(101);
  });
});

describe("a barrier", () => {
  it("follows an action within its time and confirms it by its echo", () => {
    const world = watched();
    world.act(7);
    world.to(limits.barrierAfterMs - 1);
    expect(world.pings).toHaveLength(1);
    world.to(limits.barrierAfterMs);
    expect(world.pings).toHaveLength(2);
    world.to(300);
    expect(world.echo()).toEqual({ rttMs: 50, isBarrier: true, confirmed: 7 });
  });

  it("follows at once when as many actions stand unconfirmed as may", () => {
    const world = watched();
    for (let mark = 1; mark <= limits.unconfirmedActionsMax; mark++) world.act(mark);
    expect(world.pings).toHaveLength(2);
    world.echo();
    expect(world.confirmed).toEqual([limits.unconfirmedActionsMax]);
  });

  it("is alone under way, and the next one carries all since, not the one before them", () => {
    const world = watched();
    world.act(1);
    world.to(250);
    for (let mark = 2; mark <= 9; mark++) world.act(mark);
    world.to(2_000);
    expect(world.pings).toHaveLength(2);
    world.echo();
    expect(world.confirmed).toEqual([1]);
    expect(world.pings).toHaveLength(3);
    world.echo();
    expect(world.confirmed).toEqual([1, 9]);
  });

  it("is sent at once to a connection that is doubted, and not twice", () => {
    const world = watched();
    world.live.probe();
    world.to(1);
    expect(world.pings).toHaveLength(2);
    world.live.probe();
    world.to(2);
    expect(world.pings).toHaveLength(2);
    world.to(10_000);
    expect(world.dead).toMatchObject({ evidence: "heartbeat_timeout" });
  });

  it("takes the place of a ping that is doubted while an action waits", () => {
    const world = watched();
    world.act(1);
    world.live.probe();
    world.to(1);
    expect(world.echo()).toMatchObject({ isBarrier: true, confirmed: 1 });
  });
});

describe("an echo", () => {
  it("of another connection, of no ping, or said again confirms nothing", () => {
    const world = watched();
    world.act(1);
    world.to(250);
    expect(world.echo("m.2")).toBeNull();
    expect(world.echo("n.99")).toBeNull();
    expect(world.echo("n.2")).toMatchObject({ confirmed: 1 });
    expect(world.echo("n.2")).toBeNull();
  });

  it("of an older ping confirms what was before that one alone", () => {
    const world = watched();
    world.to(IDLE_MS);
    world.act(1);
    world.to(IDLE_MS + 250);
    expect(world.pings.map(({ token }) => token)).toEqual(["n.1", "n.2", "n.3"]);
    expect(world.echo("n.2")).toMatchObject({ isBarrier: false, confirmed: null });
    expect(world.echo("n.3")).toMatchObject({ isBarrier: true, confirmed: 1 });
  });

  it("answers the pings before it too", () => {
    const world = watched();
    world.to(IDLE_MS);
    world.act(1);
    world.to(IDLE_MS + 250);
    world.echo("n.3");
    expect(world.echo("n.2")).toBeNull();
    world.to(IDLE_MS + 10_000);
    expect(world.dead).toBeNull();
  });

  it("confirms no mark of an earlier reign", () => {
    const world = watched();
    world.act(500);
    world.to(250);
    world.live.forget();
    world.act(1);
    expect(world.echo()).toMatchObject({ confirmed: null });
    world.to(600);
    expect(world.echo()).toMatchObject({ confirmed: 1 });
  });
});
