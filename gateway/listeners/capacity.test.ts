import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { systemClock } from "#common/backends/system/clock.ts";
import { limits } from "#common/contract/limits.ts";
import { createLogger } from "#common/observe/logger.ts";
import { createMetrics, type MetricsOfPod } from "#common/observe/metrics.ts";
import type { Wire } from "#gateway/connection/wire.ts";
import { FakeClock } from "#test/fixtures/fake-clock.ts";
import { Capacity } from "./capacity.ts";
import { TcpListener, type TcpListenerOptions } from "./tcp.ts";

const log = createLogger("test", "silent");
let pod: MetricsOfPod;
let capacity: Capacity;
let listeners: TcpListener[];
let wires: Wire[];
let ends: string[];
let peers: Socket[];

beforeEach(() => {
  pod = createMetrics(false);
  capacity = new Capacity({ connectionsMax: 3, metrics: pod.metrics, log });
  listeners = [];
  wires = [];
  ends = [];
  peers = [];
});

afterEach(async () => {
  await Promise.all(listeners.map((listener) => listener.stop()));
  for (const peer of peers) peer.destroy();
  for (const wire of wires) wire.destroy();
});

async function open(more: Partial<TcpListenerOptions> = {}): Promise<TcpListener> {
  const { metrics } = pod;
  // Sockets of the test before may end during this one.
  const endsOfTest = ends;
  const accept = (wire: Wire) => {
    wires.push(wire);
    return { onBytes: () => {}, onEnded: (reason: string) => void endsOfTest.push(reason) };
  };
  const where = { host: "127.0.0.1", port: 0, proxyProtocolFrom: [] };
  const listener = new TcpListener({ ...where, capacity, clock: systemClock(), metrics, log, accept, ...more });
  listeners.push(listener);
  await listener.start();
  return listener;
}

async function dial({ port }: TcpListener): Promise<Socket> {
  const peer = connect(port, "127.0.0.1");
  peers.push(peer);
  await once(peer, "connect");
  peer.on("error", () => {});
  return peer;
}

async function fill(listener: TcpListener): Promise<void> {
  for (let i = 0; i < 3; i++) await dial(listener);
  await vi.waitFor(() => expect(wires).toHaveLength(3));
}

const metric = async (name: string) =>
  Number(new RegExp(`^${name.replace(/[{}]/g, "[$&]")} (\\S+)`, "m").exec(await pod.expose())?.[1]);

test("at the limit every listener refuses at once, and what is open stays", async () => {
  const [listener, other] = [await open(), await open()];
  await fill(listener);
  for (const full of [listener, other]) await expect(dial(full)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  expect(await metric("moa_listener_full")).toBe(1);
  expect(await metric("moa_listener_closures_total")).toBe(1);
  expect(ends).toEqual([]);
  expect(wires).toHaveLength(3);
});

test("below it they listen again, on the same ports", async () => {
  const [listener, other] = [await open(), await open()];
  const ports = [listener.port, other.port];
  await fill(listener);
  peers[0]?.destroy();
  await vi.waitFor(async () => expect(await metric("moa_listener_full")).toBe(0));
  expect([listener.port, other.port]).toEqual(ports);
  await dial(other);
  await vi.waitFor(() => expect(wires).toHaveLength(4));
  expect(await metric("moa_listener_closures_total")).toBe(2);
});

test("a stop holds, whoever leaves later", async () => {
  const listener = await open();
  await fill(listener);
  await listener.stop();
  peers[0]?.destroy();
  await vi.waitFor(() => expect(ends).toHaveLength(1));
  await expect(dial(listener)).rejects.toMatchObject({ code: "ECONNREFUSED" });
});

test("a port that somebody took meanwhile is asked for again", async () => {
  const clock = new FakeClock();
  const listener = await open({ clock });
  listener.shut();
  const thief = createServer().listen(listener.port, "127.0.0.1");
  await once(thief, "listening");
  listener.reopen();
  await clock.advance(limits.listenAgainMs);
  await new Promise((resolve) => thief.close(resolve));
  await vi.waitFor(async () => {
    await clock.advance(limits.listenAgainMs);
    await dial(listener);
  });
});

test("when all queues together are too long, one that stands is ended, and one that moves is served", async () => {
  const clock = new FakeClock();
  const listener = await open({ clock });
  const [hog, lazy, keen] = [await dial(listener), await dial(listener), await dial(listener)];
  for (const peer of [hog, lazy]) peer.pause();
  await vi.waitFor(() => expect(wires).toHaveLength(3));
  let got = 0;
  keen.on("data", (chunk) => {
    got += chunk.length;
  });
  wires[0]?.write(Buffer.alloc(2 * limits.writeQueuesBytesMax));
  await vi.waitFor(
    () => {
      wires[1]?.write(Buffer.alloc(limits.writeBytesMax));
      expect(wires[1]?.bufferedBytes).toBeGreaterThan(8 * limits.writeBytesMax);
    },
    { timeout: 10_000, interval: 1 },
  );
  expect(capacity.areQueuesFull).toBe(true);
  await clock.advance(limits.writeStalledMs - 1);
  wires[1]?.write(Buffer.alloc(1));
  wires[2]?.write(Buffer.alloc(1_000));
  await vi.waitFor(() => expect(got).toBe(1_000));
  expect(ends).toEqual([]);
  await clock.advance(2);
  wires[1]?.write(Buffer.alloc(1));
  await vi.waitFor(() => expect(ends).toEqual(["write_queue_full"]));
  wires[2]?.write(Buffer.alloc(1_000));
  await vi.waitFor(() => expect(got).toBe(2_000));
});

test("a peer that said PROXY without being a proxy, or a proxy that did not, is ended and counted", async () => {
  const direct = await open();
  const clock = new FakeClock();
  const proxied = await open({ clock, proxyProtocolFrom: ["10.0.0.0/8", "127.0.0.0/8"] });
  (await dial(direct)).write("PROXY TCP4 192.0.2.1 127.0.0.1 4000 1490\r\n");
  await vi.waitFor(() => expect(ends).toEqual(["proxy_header"]));
  (await dial(proxied)).write('{"botName":"b"}\n');
  await vi.waitFor(async () =>
    expect(await metric('moa_connections_refused_total{reason="proxy_header_invalid"}')).toBe(1),
  );
  (await dial(proxied)).write("PROXY TCP4 192.0.2.1");
  await vi.waitFor(async () => {
    await clock.advance(limits.proxyHeaderMsMax);
    expect(await metric('moa_connections_refused_total{reason="proxy_header_timeout"}')).toBe(1);
  });
  expect(wires).toHaveLength(1);
});

test("a proxy's header names the peer, and what follows it in the same segment is not lost", async () => {
  const listener = await open({ proxyProtocolFrom: ["127.0.0.1/32"] });
  (await dial(listener)).write("PROXY UNKNOWN\r\n");
  await vi.waitFor(() => expect(wires).toHaveLength(1));
  expect(wires[0]?.peer).toMatch(/^127[.]0[.]0[.]1:\d+$/);
  let got = "";
  const echo = (wire: Wire) => {
    wires.push(wire);
    return { onBytes: (chunk: Uint8Array) => wire.write(chunk), onEnded: () => {} };
  };
  const other = await open({ proxyProtocolFrom: ["127.0.0.1/32"], accept: echo });
  const peer = await dial(other);
  peer.on("data", (chunk) => {
    got += chunk;
  });
  peer.write("PROXY TCP6 2001:db8::7 ::1 4000 1490\r\nhello");
  await vi.waitFor(() => expect(got).toBe("hello"));
  expect(wires[1]?.peer).toBe("2001:db8::7:4000");
});
