import { describe, expect, it } from "vitest";
import { limits } from "#common/contract/limits.ts";
import { admitted, Reign } from "#test/fixtures/connection.ts";

describe("a connection", () => {
  it("is pinged right behind the answer to its handshake, and what it echoes makes its phone one that confirms", async () => {
    const { line, metric } = await admitted();
    expect(line.frames.map(({ event }) => event)).toEqual(["handshakeComplete", "ping"]);
    expect(await metric('moa_phones{class="confirmed"}')).toBe(1);
    expect(await metric('moa_heartbeat_rtt_seconds_count{role="standby"}')).toBe(1);
  });

  it.each(["ping", "pong"])("tells its reign what an echo by %s has confirmed", async (event) => {
    const { clock, reign, act, echo, metric } = await admitted();
    act(1);
    act(2);
    await clock.advance(limits.barrierAfterMs);
    echo(undefined, event);
    expect(reign.confirmed).toEqual([2]);
    expect(await metric("moa_barrier_rtt_seconds_count")).toBe(1);
  });

  it("D-16 puts what its phone says of itself on record with one echo in half a minute", async () => {
    const { clock, vitals, act, echo } = await admitted();
    for (let mark = 1; mark <= 200; mark++) {
      act(mark);
      await clock.advance(limits.barrierAfterMs);
      echo();
    }
    expect(vitals).toHaveLength(2);
  });

  it("moves few timers, however much is written to it", async () => {
    const { clock, pod, pings, act, echo } = await admitted();
    const before = { timers: pod.timers, pings: pings().length };
    for (let mark = 1; mark <= 500; mark++) {
      act(mark);
      await clock.advance(20);
      echo();
    }
    const barriers = pings().length - before.pings;
    expect(barriers).toBeLessThan(45);
    expect(pod.timers - before.timers).toBeLessThanOrEqual(2 * barriers + 2);
  });

  it("answers no pings of a phone that does not take the answers", async () => {
    const { line, say } = await admitted();
    const long = "x".repeat(limits.fieldCharsMax);
    const ping = () => say({ event: "ping", data: { room: long, user_hash: long, server_timestamp: "own" } });
    line.isStuck = true;
    for (let i = 0; i < 200; i++) ping();
    expect(line.bufferedBytes).toBeGreaterThan(limits.writeBytesMax / 2);
    expect(line.bufferedBytes).toBeLessThan(limits.writeBytesMax * 1.1);
    line.isStuck = false;
    line.bufferedBytes = 0;
    ping();
    expect(line.frames.at(-1)?.data).toMatchObject({ server_timestamp: "own" });
  });

  it("that goes on and on with one line is ended, though every byte is a sign of life", async () => {
    const { clock, connection, line, metric } = await admitted();
    for (let seconds = 0; seconds < 30 && line.ended === null; seconds++) {
      connection.onBytes(Buffer.from("{"));
      await clock.advance(1_000);
    }
    expect(await metric('moa_connections_closed_total{reason="line_timeout"}')).toBe(1);
    expect(await metric("moa_held_bytes")).toBe(0);
  });

  it("that is destroyed is reset, whatever still waits", async () => {
    const { connection, line, told } = await admitted();
    connection.destroy("superseded");
    expect([line.ended, told]).toEqual(["destroyed", ["closed"]]);
    expect(connection.isLiving).toBe(false);
  });
});

describe("the gate of a reign", () => {
  it("withholds what may not begin any more, and all that follows", async () => {
    const { clock, reign, act, echo, shown, metric } = await admitted();
    act(1);
    reign.isOurs = false;
    act(2);
    reign.isOurs = true;
    act(3);
    await clock.advance(limits.barrierAfterMs);
    echo();
    expect(shown()).toEqual(["1"]);
    expect(reign.confirmed).toEqual([]);
    expect(await metric('moa_fencing_rejections_total{point="gateway_send"}')).toBe(2);
  });

  it("is shut when the next one is heard: neither its frames nor its echoes count", async () => {
    const { clock, connection, reign, act, echo, shown } = await admitted();
    act(10);
    await clock.advance(limits.barrierAfterMs);
    const next = new Reign();
    connection.hear(next);
    echo();
    act(1);
    await clock.advance(limits.barrierAfterMs);
    echo();
    expect([shown(), reign.confirmed, next.confirmed]).toEqual([["10", "1"], [], [1]]);
  });

  it("lets nothing through that is nobody's", async () => {
    const { connection, act, shown } = await admitted();
    connection.hear(null);
    act(1);
    expect(shown()).toEqual([]);
  });
});

describe("a connection that does not answer", () => {
  it("is a zombie with traffic within 5 s of the first action that stands unconfirmed, told once", async () => {
    const { clock, connection, told, act, metric } = await admitted();
    await clock.advance(1_000);
    act(1);
    await clock.advance(4_999);
    expect(told).toEqual(["barrier_timeout"]);
    expect([connection.isOpen, connection.isLiving, connection.role]).toEqual([true, false, "zombie"]);
    expect(await metric('moa_zombies_detected_total{reason="barrier_timeout"}')).toBe(1);
    expect(await metric('moa_zombie_detection_seconds_bucket{le="5",reason="barrier_timeout"}')).toBe(1);
    expect(await metric('moa_zombie_detection_seconds_bucket{le="4.5",reason="barrier_timeout"}')).toBe(0);
    expect(await metric('moa_connections{role="zombie",transport="tcp"}')).toBe(1);
  });

  it("is one within 20 s when it is idle", async () => {
    const { clock, told, pings } = await admitted();
    await clock.advance(19_999);
    expect(told).toEqual(["heartbeat_timeout"]);
    expect(pings()).toHaveLength(2);
  });

  it("is destroyed when its time to prove it false is over, and nothing is written to it until then", async () => {
    const { clock, line, told, metric } = await admitted();
    await clock.advance(20_000);
    const frames = line.frames.length;
    await clock.advance(limits.falseVerdictMs);
    expect(line.frames).toHaveLength(frames);
    expect([line.ended, told]).toEqual(["destroyed", ["heartbeat_timeout", "closed"]]);
    expect(await metric('moa_zombie_reaped_total{result="rst"}')).toBe(1);
    expect(await metric('moa_connections_closed_total{reason="heartbeat_timeout"}')).toBe(1);
    expect(await metric('moa_phones{class="confirmed"}')).toBe(0);
    expect(await metric('moa_connection_age_seconds_count{role="zombie"}')).toBe(1);
  });

  it("is destroyed at once when bytes wait in it", async () => {
    const { clock, line, told, act } = await admitted();
    line.isStuck = true;
    line.movedAtMs = clock.monotonicMs();
    act(1);
    await clock.advance(5_000);
    expect([line.ended, told]).toEqual(["destroyed", ["barrier_timeout", "closed"]]);
  });

  it("lives again by any byte, is asked whether it listens, and may be found dead again", async () => {
    const { clock, connection, told, pings, say, metric } = await admitted();
    await clock.advance(20_000);
    await clock.advance(limits.falseVerdictMs - 6_000);
    say({ event: "unknown" });
    expect(told).toEqual(["heartbeat_timeout", "revived"]);
    expect([connection.isLiving, connection.role]).toEqual([true, "standby"]);
    expect(pings()).toHaveLength(3);
    expect(await metric('moa_zombie_false_positives_total{reason="heartbeat_timeout"}')).toBe(1);
    await clock.advance(10_000);
    expect(told).toEqual(["heartbeat_timeout", "revived", "heartbeat_timeout"]);
    expect(connection.isOpen).toBe(true);
  });

  it("that ends by itself is reaped by its peer", async () => {
    const { clock, connection, metric } = await admitted();
    await clock.advance(20_000);
    connection.onEnded("closed_by_peer");
    expect(await metric('moa_zombie_reaped_total{result="fin"}')).toBe(1);
  });

  it("is judged by nothing while it is held", async () => {
    const { clock, connection, told, act } = await admitted();
    act(1);
    connection.hold("quota");
    await clock.advance(120_000);
    connection.release("quota");
    await clock.advance(4_000);
    expect(told).toEqual([]);
    await clock.advance(1_000);
    expect(told).toEqual(["barrier_timeout"]);
  });

  it("is judged by nothing while the pod may not judge, and after that still", async () => {
    const { clock, pod, told, act } = await admitted();
    pod.mayJudge = false;
    act(1);
    await clock.advance(60_000);
    expect(told).toEqual([]);
    pod.mayJudge = true;
    await clock.advance(limits.barrierMsMax + 100);
    expect(told).toEqual(["barrier_timeout"]);
  });

  it("is judged by a full deadline after the loop stood still", async () => {
    const { clock, pod, told, act } = await admitted();
    act(1);
    await clock.advance(limits.barrierAfterMs);
    pod.stoodStillMs = 60_000;
    await clock.advance(2 * limits.barrierMsMax - 1);
    expect(told).toEqual([]);
    await clock.advance(100);
    expect(told).toEqual(["barrier_timeout"]);
  });

  it("is not dead when what clears it lay in its socket as the deadline was seen", async () => {
    const { clock, told, act, echo } = await admitted();
    act(1);
    await clock.advance(limits.barrierAfterMs + limits.barrierMsMax);
    echo();
    await clock.advance(1_000);
    expect(told).toEqual([]);
  });
});

it("a phone that speaks and echoes nothing is counted, and confirmed by what the system took", async () => {
  const { clock, reign, told, act, say, metric } = await admitted({ echoes: false });
  await clock.advance(4_000);
  say({ event: "unknown" });
  await clock.advance(2_000);
  say({ event: "unknown" });
  act(1);
  await clock.advance(120_000);
  expect([reign.confirmed, told]).toEqual([[1], []]);
  expect(await metric('moa_phones{class="unconfirmed"}')).toBe(1);
});
