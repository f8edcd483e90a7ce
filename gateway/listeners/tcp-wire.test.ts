import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { systemClock } from "#common/backends/system/clock.ts";
import { limits } from "#common/contract/limits.ts";
import { createLogger } from "#common/observe/logger.ts";
import { createMetrics } from "#common/observe/metrics.ts";
import { Capacity } from "./capacity.ts";
import { TcpWire } from "./tcp-wire.ts";

let wire: TcpWire;
let peer: Socket;
let got: string;
let ended: string | null;
const server = createServer();

beforeEach(async () => {
  got = "";
  ended = null;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  peer = connect(typeof address === "object" ? (address?.port ?? 0) : 0, "127.0.0.1");
  peer.setEncoding("latin1").on("data", (text: string) => {
    got += text;
  });
  peer.on("error", () => {});
  const [socket] = (await once(server, "connection")) as [Socket];
  const { metrics } = createMetrics(false);
  const capacity = new Capacity({ connectionsMax: 10, metrics, log: createLogger("test", "silent") });
  wire = new TcpWire({ socket, raw: socket, peer: "p", isDirect: true, clock: systemClock(), capacity });
  wire.open({
    onBytes: () => {},
    onEnded: (reason) => {
      ended = reason;
    },
  });
});

afterEach(async () => {
  wire.destroy();
  peer.destroy();
  await vi.waitFor(() => expect(ended).not.toBeNull());
  server.close();
  await once(server, "close");
});

/** Allows so many, then none. */
function guard(allowed: number) {
  const asked = { times: 0 };
  return { asked, mayBegin: () => ++asked.times <= allowed };
}

it("a frame is asked for when it would leave, not when it is queued", async () => {
  const { asked, mayBegin } = guard(2);
  const left: string[] = [];
  for (const text of ["a", "b", "c", "d"]) wire.write(Buffer.from(text), () => left.push(text), { mayBegin });
  wire.write(Buffer.from("!"), () => left.push("!"));
  expect(asked.times).toBe(0);
  await vi.waitFor(() => expect(got).toBe("ab!"));
  expect(left).toEqual(["a", "b", "!"]);
  expect(wire.bufferedBytes).toBe(0);
  expect(ended).toBeNull();
});

it("all that may not begin is left out, and what comes later is written", async () => {
  wire.write(Buffer.from("a"), undefined, guard(0));
  await vi.waitFor(() => expect(wire.bufferedBytes).toBe(0));
  wire.write(Buffer.from("b"));
  await vi.waitFor(() => expect(got).toBe("b"));
});

it("a frame half of which has left is not gone on with and nothing follows it: the peer is reset", async () => {
  const reset = expect(once(peer, "close")).rejects.toMatchObject({ code: "ECONNRESET" });
  const frame = Buffer.alloc(4 * limits.writeBytesMax, "x");
  wire.write(frame, () => expect.fail("it never left"), guard(2));
  wire.write(Buffer.from("next"));
  await vi.waitFor(() => expect(ended).toBe("half_written"));
  await reset;
  expect(got).not.toContain("next");
  expect(got.length).toBeLessThanOrEqual(2 * limits.writeBytesMax);
  expect(wire.bufferedBytes).toBe(0);
});

it("what is destroyed in the very moment in which it was finished ends as well", async () => {
  wire.finish();
  wire.destroy();
  await vi.waitFor(() => expect([ended, peer.destroyed]).toEqual(["closed_by_peer", true]));
});
