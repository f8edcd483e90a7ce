import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { CUT, FaultProxy, HOLD, type Line, PASS, SWALLOW } from "#scripts/chaos/fault-proxy.ts";

let server: Server;
let proxy: FaultProxy;
let client: Socket;
let peer: Socket;
let line: Line;
let heard: string;
let said: string;

beforeEach(async () => {
  [heard, said] = ["", ""];
  server = createServer({ allowHalfOpen: true }).listen(0, "127.0.0.1");
  await once(server, "listening");
  proxy = await FaultProxy.listen((server.address() as AddressInfo).port);
  const accepted = once(server, "connection");
  client = connect({ port: proxy.port, host: "127.0.0.1", allowHalfOpen: true });
  [peer] = (await accepted) as [Socket];
  for (const socket of [client, peer]) socket.on("error", () => {});
  peer.on("data", (data) => {
    said += data.toString();
  });
  client.on("data", (data) => {
    heard += data.toString();
  });
  line = proxy.lines[0] as Line;
});

afterEach(async () => {
  client.destroy();
  peer.destroy();
  await proxy.close();
  server.close();
});

/** The other direction still passes: what is seen there was sent after what is not. */
async function passesUp(text: string): Promise<void> {
  client.write(text);
  await vi.waitFor(() => expect(said).toContain(text));
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once("close", () => resolve()));
}

test("bytes pass both ways and are counted", async () => {
  client.write("up");
  peer.write("down");
  await vi.waitFor(() => expect([said, heard]).toEqual(["up", "down"]));
  expect([line.passed("up"), line.passed("down"), line.withheld("down")]).toEqual([2, 4, 0]);
});

test("a black hole of one direction takes bytes and ends, tells nobody, and leaves the other alone", async () => {
  line.set({ down: SWALLOW });
  peer.end("gone");
  await vi.waitFor(() => expect(line.withheld("down")).toBe(5));
  await passesUp("still here");
  expect([heard, client.readableEnded]).toEqual(["", false]);
});

test("what is held arrives when the network heals, in order", async () => {
  line.set({ up: HOLD });
  client.write("one ");
  await vi.waitFor(() => expect(line.withheld("up")).toBe(4));
  line.set({ up: PASS });
  await passesUp("two");
  expect(said).toBe("one two");
});

test("a delay keeps the order", async () => {
  line.set({ up: { kind: "delay", ms: 60 } });
  const startedAt = performance.now();
  client.write("one ");
  await passesUp("two");
  expect(said).toBe("one two");
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(59);
});

test("a slow direction passes so many bytes a second", async () => {
  line.set({ down: { kind: "slow", bytesPerS: 200 } });
  const startedAt = performance.now();
  peer.write("x".repeat(50));
  await vi.waitFor(() => expect(heard).toBe("x".repeat(50)));
  expect(performance.now() - startedAt).toBeGreaterThan(150);
});

test("a cut passes half of what comes next and resets both ends", async () => {
  line.set({ up: CUT });
  const ends = Promise.all([closed(client), closed(peer)]);
  client.write("12345678");
  await ends;
  expect(said).toBe("1234");
});

test("a reset is a reset at both ends", async () => {
  const ends = Promise.all([closed(client), closed(peer)]);
  line.reset();
  await ends;
  await vi.waitFor(() => expect(proxy.lines).toEqual([]));
});

test("a half-close tells the client the end, and its own side stays open", async () => {
  const ended = once(client, "end");
  line.halfClose();
  await ended;
  await passesUp("my side is open");
});
