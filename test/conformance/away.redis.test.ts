/** What only a real server and real sockets can show: Redis killed, frozen, cut off. No twin can be away like that. */
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Backends } from "#common/backends/backends.ts";
import { limits } from "#common/contract/limits.ts";
import { createMetrics } from "#common/observe/metrics.ts";
import type { LaneCommit, LaneEntry, LaneState } from "#common/ports/lane-log.ts";
import type { OutboxDecision } from "#common/ports/outbox.ts";
import { type RedisServer, startRedis } from "#test/fixtures/redis.ts";
import { recorder } from "./heard.ts";
import { eventually, freshKeys, redisPods } from "./on-every-backend.ts";
import { type RedisProxy, startRedisProxy } from "./redis-proxy.ts";
import { candidate, ending, granted, UNSEEN } from "./writer-steps.ts";

const RESUMED_MS = 5_000;
let server: RedisServer;
let proxy: RedisProxy;
let admin: Redis;
let pods: Backends[];
let events = 0;

beforeEach(async () => {
  server = await startRedis();
  proxy = await startRedisProxy(server.port);
  admin = new Redis(server.url);
  admin.on("error", () => {});
  pods = [];
});

afterEach(async () => {
  await Promise.all(pods.map((pod) => pod.close()));
  admin.disconnect();
  await proxy.close();
  await server.stop();
});

async function started(pod: Backends): Promise<Backends> {
  pods.push(pod);
  await pod.start();
  return pod;
}

function decision(action: string): OutboxDecision {
  const event = (++events).toString(16).padStart(16, "0");
  return { bot: "bot", lane: 0, epoch: 1, event, deadline: Date.now() + 60_000, actions: [action] };
}

/** Reads lane 0 for ever, as an owner does, and keeps what it got; errors only end one read. */
function readForEver(pod: Backends) {
  const got: LaneEntry[] = [];
  const state = { got, errors: 0, over: false };
  const loop = async () => {
    while (!state.over) {
      try {
        got.push(...(await pod.lanes.read(new Map([[0, got.at(-1)?.id ?? "0-0"]]), limits.blockingReadMs)));
      } catch {
        state.errors++;
      }
    }
  };
  return { state, ended: loop() };
}

/** Settles a call and says how, and how long it took. */
async function settled(call: Promise<unknown>): Promise<{ code: string; ms: number }> {
  const startMs = performance.now();
  const code = await call.then(
    () => "resolved",
    (error: { code?: string }) => error.code ?? String(error),
  );
  return { code, ms: performance.now() - startMs };
}

function everyCall(pod: Backends): Promise<unknown>[] {
  const state: LaneState = { lane: 0, epoch: 0, owner: null };
  const nothing = { position: null, seen: [], rows: [], counts: {}, parked: [] };
  return [
    pod.appender.append({ lane: 0, by: "g.1", number: 99, events: ["x"] }),
    pod.lanes.owners(),
    pod.lanes.take(state, "w.1"),
    pod.lanes.release(0, 1),
    pod.lanes.read(new Map([[0, "0-0"]]), 1_000),
    pod.lanes.attempt(0, 1, { events: ["aaaaaaaaaaaaaaaa"], below: 9 }),
    pod.lanes.commit({ ...nothing, lane: 0, epoch: 1, number: 1 }),
    pod.balances.balances(),
    pod.rows.read(new Map([[0, "0-0"]]), 100),
    pod.rows.trim(0, "0-0"),
    pod.rows.backlog([0]),
    pod.outboxWriter.enqueue([decision("x")]),
    pod.outboxReader.read("bot", 1),
    pod.outboxReader.confirm([{ bot: "bot", epoch: 1, id: "", generation: "", upTo: 1 }]),
    pod.outboxReader.takeDirty("g.1"),
    pod.outboxReader.heads(["bot"]),
    pod.writers.enrol(candidate("c.1", "g.1")),
    pod.writers.withdraw("bot", "c.1"),
    pod.writers.take(candidate("c.1", "g.1"), null, UNSEEN),
    pod.writers.end("bot", { epoch: 1, id: "" }, ending(1)),
    pod.writers.look("bot"),
    pod.writers.ask("bot", { kind: "paused", paused: false }),
    pod.held.hold({ bot: "bot", id: "a:0", heldAt: 1_000, action: "x" }),
    pod.held.list("bot"),
    pod.held.resend("bot", "a:0", '{"v":1,"kind":"text","deadline":1}'),
    pod.held.discard("bot", "a:0"),
    pod.held.backlog(),
    pod.channel.subscribe("new bot", recorder().listener),
    pod.membership.join("worker", "w.1"),
    pod.membership.renew("worker", "w.1"),
    pod.membership.live("worker"),
    pod.membership.leave("worker", "w.1"),
  ];
}

describe("killed and started again", () => {
  test("nothing hangs, and reads, calls and subscriptions resume by themselves", async () => {
    const pod = await started(redisPods({ url: server.url })());
    const { heard, listener } = recorder();
    await pod.channel.subscribe("bot", listener);
    const reader = readForEver(pod);
    await pod.appender.append({ lane: 0, by: "g.1", number: 1, events: ["before"] });
    await eventually(() => expect(reader.state.got).toHaveLength(1));

    // Frozen first, so that all of them are truly in flight when it dies: they are rejected then, not at their deadline.
    await server.signal("SIGSTOP");
    const inFlight = everyCall(pod).map(settled);
    await server.signal("SIGKILL");
    for (const { code, ms } of await Promise.all(inFlight)) {
      expect(code).toBe("redis_unavailable");
      expect(ms).toBeLessThan(limits.redisCallMsMax - 500);
    }
    for (const { code, ms } of await Promise.all(everyCall(pod).map(settled))) {
      expect(code).toBe("redis_unavailable");
      expect(ms).toBeLessThan(3_500);
    }

    await server.start();
    const backMs = performance.now();
    await eventually(async () => {
      await pod.appender.append({ lane: 0, by: "g.2", number: 1, events: ["after"] });
    }, RESUMED_MS);
    await eventually(() => expect(reader.state.got.at(-1)?.events).toEqual(["after"]), RESUMED_MS);
    await eventually(() => expect(heard.renewals).toBeGreaterThan(0), RESUMED_MS);
    await pod.outboxWriter.enqueue([decision("after")]);
    await eventually(() => expect(heard.pieces.at(-1)?.actions).toEqual(["after"]), RESUMED_MS);
    expect(performance.now() - backMs).toBeLessThan(RESUMED_MS);
    expect(reader.state.got[0]?.events).toEqual(["before"]);

    reader.state.over = true;
    await reader.ended;
  });

  test("a pod that starts while Redis is away fails within the deadline of a call", async () => {
    await server.signal("SIGKILL");
    const pod = redisPods({ url: server.url })();
    pods.push(pod);
    const { code, ms } = await settled(pod.start());
    expect(code).toBe("redis_unavailable");
    expect(ms).toBeLessThan(limits.redisCallMsMax + 1_000);
  });
});

describe("frozen", () => {
  test("every call is rejected by its deadline, and all goes on when Redis does", async () => {
    const pod = await started(redisPods({ url: server.url })());
    const { heard, listener } = recorder();
    await pod.channel.subscribe("bot", listener);
    const reader = readForEver(pod);
    await pod.appender.append({ lane: 0, by: "g.1", number: 1, events: ["before"] });
    await eventually(() => expect(reader.state.got).toHaveLength(1));

    await server.signal("SIGSTOP");
    for (const { code, ms } of await Promise.all(everyCall(pod).map(settled))) {
      expect(code).toBe("redis_unavailable");
      expect(ms).toBeLessThan(limits.blockingReadMs + limits.blockingReadGraceMs + 1_500);
    }
    await eventually(() => expect(reader.state.errors).toBeGreaterThan(0), RESUMED_MS);

    await server.signal("SIGCONT");
    await eventually(async () => {
      await pod.appender.append({ lane: 0, by: "g.2", number: 1, events: ["after"] });
      expect(reader.state.got.at(-1)?.events).toEqual(["after"]);
    }, RESUMED_MS);
    await eventually(async () => {
      await pod.outboxWriter.enqueue([decision("after")]);
      expect(heard.pieces.at(-1)?.actions).toEqual(["after"]);
    }, RESUMED_MS);

    reader.state.over = true;
    await reader.ended;
  });
});

describe("subscriber", () => {
  test("killed by Redis, it renews its subscriptions and says so", async () => {
    const pod = await started(redisPods({ url: server.url })());
    const recorders = Array.from({ length: 600 }, () => recorder());
    await Promise.all(
      recorders.map(({ listener }, i) => pod.channel.subscribe(i === 0 ? "bot" : `bot-${i}`, listener)),
    );
    expect(recorders.map(({ heard }) => heard.renewals)).toEqual(recorders.map(() => 0));

    await admin.call("client", "kill", "type", "pubsub");
    await eventually(() => {
      expect(recorders.every(({ heard }) => heard.renewals === 1)).toBe(true);
    }, RESUMED_MS);
    await pod.outboxWriter.enqueue([decision("after")]);
    await eventually(() => expect(recorders[0]?.heard.pieces.at(-1)?.actions).toEqual(["after"]));
  });

  test("open but dead, it is found by its probe and made again", async () => {
    const observed = createMetrics(false);
    const pod = await started(redisPods({ url: proxy.url }, freshKeys(), observed)());
    const { heard, listener } = recorder();
    await pod.channel.subscribe("bot", listener);
    expect(proxy.freeze(/ssubscribe/i)).toBe(1);
    await eventually(() => expect(heard.renewals).toBe(1), limits.probeSilenceMsMax + limits.probeEveryMs + 3_000);
    expect(await observed.expose()).toContain("moa_subscriber_restarts_total 1");
    await pod.outboxWriter.enqueue([decision("after")]);
    await eventually(() => expect(heard.pieces.at(-1)?.actions).toEqual(["after"]));
  });
});

describe("applied, but the reply was lost", () => {
  /** Makes the call through a proxy that loses its reply, and says how it was rejected. */
  async function lost(call: () => Promise<unknown>, applied: () => Promise<void>): Promise<string> {
    proxy.mute();
    const rejected = settled(call());
    await eventually(applied);
    proxy.cut();
    proxy.unmute();
    return (await rejected).code;
  }

  /** A script that the server does not know yet is refused once: that reply is not the one to lose. */
  async function teachScripts(pod: Backends): Promise<void> {
    await pod.appender.append({ lane: 1, by: "g.1", number: 1, events: ["x"] });
    await pod.lanes.commit(await commitOf(pod, 1));
    await pod.outboxWriter.enqueue([{ ...decision("x"), bot: "another" }]);
    await granted(pod.writers, candidate("c.1", "g.1", { bot: "another" }));
  }

  async function commitOf(pod: Backends, lane: number): Promise<LaneCommit> {
    const taken = await pod.lanes.take({ lane, epoch: 0, owner: null }, "w.1");
    return { lane, epoch: taken?.epoch ?? 0, number: 1, position: null, seen: [], rows: [], counts: {}, parked: [] };
  }

  test("the same append, commit, enqueue and take made again are known as repeats", async () => {
    const keys = freshKeys();
    const pod = await started(redisPods({ url: proxy.url }, keys)());
    await teachScripts(pod);

    const append = { lane: 0, by: "g.1", number: 1, events: ["x"] };
    const appended = async () => expect(await admin.xlen(keys.inbound(0))).toBe(1);
    expect(await lost(() => pod.appender.append(append), appended)).toBe("redis_unavailable");
    await eventually(async () => expect(await pod.appender.append(append)).toMatchObject({ outcome: "repeated" }));

    const commit = { ...(await commitOf(pod, 0)), counts: { handled: 1 }, seen: ["aaaaaaaaaaaaaaaa"], rows: ["r"] };
    const committed = async () => expect(await admin.xlen(keys.rows(0))).toBe(1);
    expect(await lost(() => pod.lanes.commit(commit), committed)).toBe("redis_unavailable");
    await eventually(async () => expect(await pod.lanes.commit(commit)).toBe("repeated"));
    expect((await pod.balances.balances())[0]).toMatchObject({ appended: 1, done: { handled: 1 } });

    const one = decision("x");
    const enqueued = async () => expect(await admin.xlen(keys.outbox("bot"))).toBe(1);
    expect(await lost(() => pod.outboxWriter.enqueue([one]), enqueued)).toBe("redis_unavailable");
    await eventually(async () => expect(await pod.outboxWriter.enqueue([one])).toEqual(["duplicate"]));

    const taken = async () => expect(await admin.hexists(keys.outboxMeta("bot"), "pod")).toBe(1);
    const take = () => pod.writers.take(candidate("c.1", "g.1"), null, UNSEEN);
    expect(await lost(take, taken)).toBe("redis_unavailable");
    const epoch = Number(await admin.hget(keys.outboxMeta("bot"), "tenure"));
    await eventually(async () => expect(await take()).toMatchObject({ epoch, first: 1, next: 2, doubtBelow: 1 }));
  });
});
