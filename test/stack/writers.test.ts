/** Who writes for a bot, over real processes: two gateways, phones on both, and what networks and schedulers do to them. */
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { Pod } from "#scripts/stack/pod.ts";
import { type RedisProxy, startRedisProxy } from "#test/conformance/redis-proxy.ts";
import { BOT, Gateways, type Phone, patience } from "#test/fixtures/gateways.ts";

/** T4 - T0 with traffic. */
const OUTAGE_MS = 6_000;

let gateways: Gateways;
let redis: Redis;
let a: Pod;
let b: Pod;
let proxy: RedisProxy;

beforeAll(async () => {
  gateways = await Gateways.open();
  redis = new Redis(gateways.server.port, "127.0.0.1");
});
afterAll(async () => {
  redis.disconnect();
  await gateways.close();
});
beforeEach(async () => {
  await gateways.begin();
  [a, b] = await Promise.all([gateways.start("a"), gateways.start("b")]);
  proxy = await startRedisProxy(a.ports.bridge as number);
});
afterEach(async () => {
  await gateways.end();
  await proxy.close();
});

/** The writer's phone, over the proxy to gateway a, and a standby of another device on b. */
async function writerAndStandby(): Promise<readonly [Phone, Phone]> {
  const port = Number(new URL(proxy.url).port);
  const writer = await gateways.dialIn(a, "d1", port);
  await gateways.writes(a);
  const standby = await gateways.dialIn(b, "d2");
  await gateways.answer("1");
  await vi.waitFor(() => expect(writer.shown).toEqual(["1"]), patience);
  await vi.waitFor(async () => expect(await redis.xlen(gateways.keys.outbox(BOT))).toBe(0), patience);
  return [writer, standby];
}

function waiting(): Promise<number> {
  return redis.xlen(gateways.keys.outbox(BOT));
}

async function arrives(phone: Phone, texts: readonly string[]): Promise<void> {
  await vi.waitFor(() => expect(phone.shown).toEqual(texts), { timeout: OUTAGE_MS, interval: 20 });
}

describe("a writer that is half open", () => {
  it("L-21 L-22 X-11 is found while answers wait, and they come by the standby, once each and labelled, within 6 s", async () => {
    const [writer, standby] = await writerAndStandby();
    expect(proxy.freeze(/d1/)).toBe(1);
    await gateways.answer("2");
    await gateways.answer("3");
    await arrives(standby, ["2", "3"]);
    expect(standby.answers.map(({ resent }) => resent)).toEqual([true, true]);
    await gateways.answer("4");
    await arrives(standby, ["2", "3", "4"]);
    expect(standby.answers[2]?.resent).toBeUndefined();
    await vi.waitFor(async () => expect(await waiting()).toBe(0), patience);
    expect(writer.shown).toEqual(["1"]);
    await vi.waitFor(
      () => expect(gateways.logged("b")).toMatch(/"reason":"barrier_timeout","result":"ok".*"msg":"writer.failover"/),
      patience,
    );
  });
});

describe("a gateway that is killed", () => {
  it("L-21 is replaced by the one with the standby, and what it had written is labelled, within 6 s", async () => {
    const [, standby] = await writerAndStandby();
    await a.child.kill();
    await gateways.answer("2");
    await arrives(standby, ["2"]);
    await vi.waitFor(async () => expect(await waiting()).toBe(0), patience);
  });
});

describe("a gateway that sleeps longer than its life", () => {
  it("I-04 writes nothing under its old tenure when it wakes", async () => {
    const [writer, standby] = await writerAndStandby();
    await a.child.pause();
    await gateways.answer("2");
    await arrives(standby, ["2"]);
    a.child.signal("SIGCONT");
    for (let i = 3; i <= 20; i++) await gateways.answer(`${i}`);
    await arrives(
      standby,
      Array.from({ length: 19 }, (_, i) => `${i + 2}`),
    );
    await vi.waitFor(() => expect(gateways.logged("a")).toContain('"msg":"writer.ended"'), patience);
    expect(writer.shown).toEqual(["1"]);
    const epochs = [writer, standby].map(({ answers }) => answers.map(({ moa_epoch }) => Number(moa_epoch)));
    expect(Math.max(...(epochs[0] as number[]))).toBeLessThan(Math.min(...(epochs[1] as number[])));
  });
});

describe("a device that connects again", () => {
  it("R-31 on another gateway is answered there within a second, its older connection being destroyed", async () => {
    const old = await gateways.dialIn(a, "d1");
    await gateways.writes(a);
    await gateways.answer("1");
    await vi.waitFor(() => expect(old.shown).toEqual(["1"]), patience);
    const fresh = await gateways.dialIn(b, "d1");
    await gateways.answer("2");
    await vi.waitFor(() => expect(fresh.shown.at(-1)).toBe("2"), { timeout: 1_000, interval: 10 });
    await vi.waitFor(() => expect(old.closed).toBe(true), patience);
    // The older one may have been given it in the moment before it was replaced: then it comes labelled.
    if (old.shown.includes("2")) expect(fresh.answers.at(-1)?.resent).toBe(true);
  });
});

describe("a gateway that drains", () => {
  it("R-30 hands its bots over before it ends: nothing is lost, nothing is shown twice, nothing is labelled", async () => {
    const [writer, standby] = await writerAndStandby();
    const stopped = a.child.stop();
    for (let i = 2; i <= 60; i++) await gateways.answer(`${i}`);
    await stopped;
    const shown = () => [...writer.shown, ...standby.shown];
    await vi.waitFor(() => expect(shown()).toHaveLength(60), patience);
    expect(shown()).toEqual(Array.from({ length: 60 }, (_, i) => `${i + 1}`));
    expect([...writer.answers, ...standby.answers].some(({ resent }) => resent)).toBe(false);
    await vi.waitFor(() => expect(gateways.logged("b")).toMatch(/"reason":"drain".*"msg":"writer.failover"/), patience);
  });
});

describe("a Redis that restarts", () => {
  it("costs no connection and no answer, and the same phone writes on", async () => {
    const [writer, standby] = await writerAndStandby();
    await gateways.server.signal("SIGKILL");
    await gateways.server.start();
    await vi.waitFor(() => gateways.answer("2"), patience);
    await vi.waitFor(() => expect([...writer.shown, ...standby.shown]).toEqual(["1", "2"]), patience);
    expect([writer.closed, standby.closed]).toEqual([false, false]);
  });
});
