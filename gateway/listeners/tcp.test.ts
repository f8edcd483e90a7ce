import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { systemClock } from "#common/backends/system/clock.ts";
import { limits } from "#common/contract/limits.ts";
import { createLogger } from "#common/observe/logger.ts";
import { createMetrics } from "#common/observe/metrics.ts";
import type { Wire, WireEnd } from "#gateway/connection/wire.ts";
import { Capacity } from "./capacity.ts";
import { TcpListener, type TcpListenerOptions } from "./tcp.ts";

const MIB = 1024 * 1024;

/** What the listener accepted: the wire, the bytes it brought and how it ended. */
class End implements WireEnd {
  readonly wire: Wire;
  received = 0;
  ended: string | null = null;
  constructor(wire: Wire) {
    this.wire = wire;
  }
  onBytes(chunk: Uint8Array): void {
    this.received += chunk.byteLength;
  }
  onEnded(reason: string): void {
    expect(this.ended).toBeNull();
    this.ended = reason;
  }
}

let listener: TcpListener;
let ends: End[];
let peers: Socket[];
const pod = createMetrics(false);

const log = createLogger("test", "silent");
const accept = (wire: Wire) => {
  const end = new End(wire);
  ends.push(end);
  return end;
};

function makeListener(more: Partial<TcpListenerOptions & { connectionsMax: number }> = {}): TcpListener {
  const { metrics } = pod;
  const capacity = new Capacity({ connectionsMax: more.connectionsMax ?? 1_000, metrics, log });
  const where = { host: "127.0.0.1", port: 0, proxyProtocolFrom: [] };
  return new TcpListener({ ...where, capacity, clock: systemClock(), metrics, log, accept, ...more });
}

beforeEach(async () => {
  ends = [];
  peers = [];
  listener = makeListener();
  await listener.start();
});

afterEach(async () => {
  await listener.stop();
  for (const peer of peers) peer.destroy();
  for (const { wire } of ends) wire.destroy();
});

async function dial(): Promise<{ peer: Socket; end: End }> {
  const peer = connect(listener.port, "127.0.0.1");
  peer.on("error", () => {});
  peers.push(peer);
  await once(peer, "connect");
  await vi.waitFor(() => expect(ends).toHaveLength(peers.length));
  return { peer, end: ends.at(-1) as End };
}

function collect(peer: Socket): { bytes: Buffer } {
  const all = { bytes: Buffer.alloc(0) };
  peer.on("data", (chunk: Buffer) => {
    all.bytes = Buffer.concat([all.bytes, chunk]);
  });
  return all;
}

describe("a wire writes", () => {
  it("frames in order, and calls back for each in order once it left", async () => {
    const { peer, end } = await dial();
    const got = collect(peer);
    const left: number[] = [];
    for (let i = 0; i < 100; i++) end.wire.write(Buffer.from(`${i}\n`), () => left.push(i));
    expect(left).toEqual([]);
    await vi.waitFor(() => expect(got.bytes.toString()).toBe(Array.from({ length: 100 }, (_, i) => `${i}\n`).join("")));
    expect(left).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(end.wire.bufferedBytes).toBe(0);
  });

  it("a frame larger than one write in pieces, whole, between its neighbours", async () => {
    const { peer, end } = await dial();
    const got = collect(peer);
    const large = Buffer.alloc(3 * limits.writeBytesMax + 17, "x");
    const left: string[] = [];
    end.wire.write(Buffer.from("before"), () => left.push("before"));
    end.wire.write(large, () => left.push("large"));
    end.wire.write(Buffer.from("after"), () => left.push("after"));
    const whole = Buffer.concat([Buffer.from("before"), large, Buffer.from("after")]);
    await vi.waitFor(() => expect(got.bytes.equals(whole)).toBe(true), { timeout: 5_000 });
    expect(left).toEqual(["before", "large", "after"]);
  });

  it("one frame of any size, but no second that does not fit: a peer that does not read costs a bounded queue", async () => {
    const { peer, end } = await dial();
    peer.pause();
    end.wire.write(Buffer.alloc(3 * limits.writeQueueBytesMax));
    await vi.waitFor(() => expect(end.wire.bufferedBytes).toBeLessThan(3 * limits.writeQueueBytesMax));
    expect(end.ended).toBeNull();
    end.wire.write(Buffer.alloc(1));
    await vi.waitFor(() => expect(end.ended).toBe("write_queue_full"));
    expect(end.wire.bufferedBytes).toBe(0);
    expect(await pod.expose()).toContain("moa_socket_buffered_bytes 0");
  });

  it("hands no more than one bounded write to a peer that does not read, so its callbacks stop", async () => {
    const { peer, end } = await dial();
    peer.pause();
    let left = 0;
    const frame = Buffer.alloc(limits.writeBytesMax);
    const count = limits.writeQueueBytesMax / limits.writeBytesMax;
    for (let round = 0; round < 20 && left === round * count; round++) {
      for (let i = 0; i < count; i++) end.wire.write(frame, () => left++);
      await vi.waitFor(() => expect(left === (round + 1) * count || end.wire.bufferedBytes > 0).toBe(true));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const stalledAt = left;
    expect(end.wire.bufferedBytes).toBeGreaterThan(0);
    const got = collect(peer);
    peer.resume();
    await vi.waitFor(() => expect(end.wire.bufferedBytes).toBe(0), { timeout: 5_000 });
    expect(left).toBeGreaterThan(stalledAt);
    await vi.waitFor(() => expect(got.bytes.byteLength).toBe(left * limits.writeBytesMax), { timeout: 5_000 });
  });
});

describe("a wire reads", () => {
  it("nothing while paused, all of it after, and the peer feels it", async () => {
    const { peer, end } = await dial();
    end.wire.pause();
    const total = 16 * MIB;
    let sent = false;
    peer.write(Buffer.alloc(total), () => {
      sent = true;
    });
    const before = end.received;
    await once(peer.setTimeout(200), "timeout");
    expect(end.received).toBe(before);
    expect(sent).toBe(false);
    end.wire.resume();
    await vi.waitFor(() => expect(end.received).toBe(total), { timeout: 10_000 });
    await vi.waitFor(() => expect(sent).toBe(true));
  });

  it("what came before the peer's end, then tells the end", async () => {
    const { peer, end } = await dial();
    end.wire.pause();
    peer.end(Buffer.alloc(1_000));
    await once(peer.setTimeout(50), "timeout");
    expect(end.ended).toBeNull();
    end.wire.resume();
    await vi.waitFor(() => expect(end.ended).toBe("closed_by_peer"));
    expect(end.received).toBe(1_000);
  });
});

describe("a wire ends", () => {
  it("after what is queued when closed", async () => {
    const { peer, end } = await dial();
    const got = collect(peer);
    end.wire.write(Buffer.from("bye"));
    end.wire.close();
    await once(peer, "close");
    expect(got.bytes.toString()).toBe("bye");
    await vi.waitFor(() => expect(end.ended).not.toBeNull());
  });

  it("within a moment when closed though the peer reads nothing", async () => {
    const { peer, end } = await dial();
    peer.pause();
    end.wire.write(Buffer.alloc(3 * limits.writeQueueBytesMax));
    end.wire.close();
    await vi.waitFor(() => expect(end.ended).not.toBeNull(), { timeout: 3 * limits.handoverMsMax });
  });

  it("at once by a reset when destroyed, however much is queued for a peer that does not read", async () => {
    const { peer, end } = await dial();
    peer.pause();
    const failed = expect(once(peer, "close")).rejects.toMatchObject({ code: "ECONNRESET" });
    let left = false;
    end.wire.write(Buffer.alloc(3 * limits.writeQueueBytesMax), () => {
      left = true;
    });
    await vi.waitFor(() => expect(end.wire.bufferedBytes).toBeLessThan(3 * limits.writeQueueBytesMax));
    end.wire.destroy();
    await vi.waitFor(() => expect(end.ended).not.toBeNull(), { timeout: 500 });
    peer.resume();
    await failed;
    expect(left).toBe(false);
  });

  it("as an error when the peer resets", async () => {
    const { peer, end } = await dial();
    peer.resetAndDestroy();
    await vi.waitFor(() => expect(end.ended).toBe("socket_error"));
  });
});

describe("the listener", () => {
  it("says in one error that its port is taken", async () => {
    await expect(makeListener({ port: listener.port }).start()).rejects.toMatchObject({ code: "config_invalid" });
  });

  it("accepts nothing after its stop and leaves what it accepted", async () => {
    const { peer, end } = await dial();
    const { port } = listener;
    await listener.stop();
    const refused = connect(port, "127.0.0.1");
    const [error] = (await once(refused, "error")) as [NodeJS.ErrnoException];
    expect(error.code).toBe("ECONNREFUSED");
    peer.write("still here");
    await vi.waitFor(() => expect(end.received).toBe(10));
  });
});
