/** Real gateway processes on a real Redis and MariaDB; the test is the phones and the worker. */
import { once } from "node:events";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { limits } from "#common/contract/limits.ts";
import { BOT, Gateways, patience } from "#test/fixtures/gateways.ts";

let gateways: Gateways;
let redis: Redis;

beforeAll(async () => {
  gateways = await Gateways.open();
  redis = new Redis(gateways.server.port, "127.0.0.1");
  redis.on("error", () => {});
});
afterAll(async () => {
  redis.disconnect();
  await gateways.close();
});
beforeEach(() => gateways.begin());
afterEach(() => gateways.end());

describe("one gateway", () => {
  it("brings a phone's line into its lane and the worker's answer to the phone, confirmed and trimmed", async () => {
    const pod = await gateways.start("gw");
    const phone = await gateways.dialIn(pod, "d1");
    phone.say("# echo a", "300");
    await vi.waitFor(async () => expect(await gateways.lines()).toHaveLength(1), patience);
    expect((await gateways.lines())[0]).toMatchObject({
      kind: "chat",
      bot: BOT,
      channel: "184",
      logId: "300",
      text: "# echo a",
    });
    await gateways.answer("a", { receipt: true });
    await vi.waitFor(() => expect(phone.shown).toEqual(["a"]), patience);
    await vi.waitFor(
      async () => expect((await gateways.lines())[1]).toMatchObject({ kind: "receipt", state: "confirmed" }),
      patience,
    );
    await vi.waitFor(async () => expect(await redis.xlen(gateways.keys.outbox(BOT))).toBe(0), patience);
  });

  it("keeps a connection that sent a bad line and an unknown event, and answers the next", async () => {
    const pod = await gateways.start("gw");
    const phone = await gateways.dialIn(pod, "d1");
    phone.socket.write("{bad\n");
    phone.send({ event: "x", data: {} });
    phone.say("valid", "1");
    await vi.waitFor(async () => expect(await gateways.lines()).toHaveLength(1), patience);
    const logged = gateways.logged("gw").split("\n");
    expect(logged.filter((line) => /"level":"error".*"tag":"MSG"/.test(line))).toHaveLength(1);
    expect(logged.join("")).not.toContain("{bad");
    expect(phone.closed).toBe(false);
  });

  it("finds by the stream what the channel lost: a gap at the next piece, the last piece by its mark", async () => {
    const pod = await gateways.start("gw");
    const phone = await gateways.dialIn(pod, "d1");
    await gateways.writes(pod);
    await gateways.answer("1");
    await vi.waitFor(() => expect(phone.shown).toEqual(["1"]), patience);
    await redis.call("CLIENT", "KILL", "TYPE", "pubsub");
    await gateways.answer("2");
    await vi.waitFor(() => expect(phone.shown).toEqual(["1", "2"]), patience);
    await gateways.answer("3");
    await vi.waitFor(() => expect(phone.shown).toEqual(["1", "2", "3"]), patience);
  });

  it("closes a connection that never said who it is after ten seconds", async () => {
    const pod = await gateways.start("gw");
    const phone = gateways.dial(pod.ports.bridge as number, "d1");
    await once(phone.socket, "connect");
    const startedAt = performance.now();
    await once(phone.socket, "close");
    expect(Math.abs(performance.now() - startedAt - limits.handshakeMsMax)).toBeLessThan(1_000);
  });

  it("lets a device in again at once though its old socket reads nothing of what is queued to it", async () => {
    const pod = await gateways.start("gw");
    const old = await gateways.dialIn(pod, "d1");
    old.socket.pause();
    await gateways.writes(pod);
    for (let i = 0; i < 40; i++) await gateways.answer("가".repeat(60_000));
    await gateways.answer("last");
    const startedAt = performance.now();
    const fresh = await gateways.dialIn(pod, "d1");
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    await vi.waitFor(() => expect(fresh.shown.at(-1)).toBe("last"), patience);
    old.socket.resume();
    await vi.waitFor(() => expect(old.closed).toBe(true), patience);
    expect(fresh.closed).toBe(false);
  });

  it("stops with exit code 0 within ten seconds of SIGTERM, and leaves nothing ambiguous", async () => {
    const pod = await gateways.start("gw");
    const phone = await gateways.dialIn(pod, "d1");
    await gateways.answer("1");
    await vi.waitFor(() => expect(phone.shown).toEqual(["1"]), patience);
    const startedAt = performance.now();
    await pod.child.stop();
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    expect(phone.closed).toBe(true);
    expect(gateways.logged("gw")).toContain('"msg":"stopped"');
    expect(await redis.hexists(gateways.keys.outboxMeta(BOT), "pod")).toBe(0);
    expect(await gateways.worker.membership.live("gateway")).toEqual([]);
  });
});

describe("Redis away", () => {
  it("a restart costs no line and no answer, and closes no connection", async () => {
    const pod = await gateways.start("gw");
    const phone = await gateways.dialIn(pod, "d1");
    await gateways.writes(pod);
    phone.say("before", "1");
    await vi.waitFor(async () => expect(await gateways.lines()).toHaveLength(1), patience);
    await gateways.server.signal("SIGKILL");
    for (let i = 2; i <= 1_000; i++) phone.say(`${i}`, `${i}`);
    await gateways.server.start();
    await vi.waitFor(async () => expect(await gateways.lines()).toHaveLength(1_000), patience);
    const ids = (await gateways.lines()).map((event) => (event.kind === "chat" ? Number(event.logId) : 0));
    expect(ids).toEqual(Array.from({ length: 1_000 }, (_, i) => i + 1));
    await vi.waitFor(() => gateways.answer("after"), patience);
    await vi.waitFor(() => expect(phone.shown).toEqual(["after"]), patience);
    expect(phone.closed).toBe(false);
  });
});

describe("two gateways with one bot", () => {
  it("each answer is shown once, by the first to come; when its pod drains the other takes over", async () => {
    const [a, b] = await Promise.all([gateways.start("a"), gateways.start("b")]);
    const first = await gateways.dialIn(a, "d1");
    await gateways.writes(a);
    const second = await gateways.dialIn(b, "d2");
    for (let i = 1; i <= 20; i++) await gateways.answer(`${i}`);
    await vi.waitFor(() => expect(first.shown).toHaveLength(20), patience);
    await a.child.stop();
    await gateways.writes(b);
    await gateways.answer("21");
    await vi.waitFor(() => expect(second.shown).toEqual(["21"]), patience);
    expect(first.shown).toEqual(Array.from({ length: 20 }, (_, i) => `${i + 1}`));
  });
});
