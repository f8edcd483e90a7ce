/** Redis replaced under load: by Sentinels, in a Cluster, with what it acknowledged last perhaps lost. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Backends } from "#common/backends/backends.ts";
import type { RedisPlace } from "#common/backends/redis/place.ts";
import type { Keys } from "#common/contract/keys.ts";
import { limits } from "#common/contract/limits.ts";
import { createMetrics } from "#common/observe/metrics.ts";
import type { OutboxDecision } from "#common/ports/outbox.ts";
import type { RedisCluster } from "#scripts/stack/redis-cluster.ts";
import { ask, type RedisWithSentinels, until, WAITING_FOR_REPLICAS } from "#scripts/stack/redis-sentinel.ts";
import { startCluster, startSentinels } from "#test/fixtures/redis-kinds.ts";
import { Appending } from "./appending.ts";
import { recorder } from "./heard.ts";
import { eventually, freshKeys, redisPods } from "./on-every-backend.ts";

const RESUMED_MS = 5_000;
const CALL_MS_MAX = limits.redisCallMsMax + 1_000;
const lane = 0;
const bot = "bot";
type Heard = ReturnType<typeof recorder>["heard"];
let keys: Keys;
let pods: Backends[] = [];
let ends: (() => Promise<void>)[] = [];
let events = 0;

beforeEach(() => {
  keys = freshKeys();
});

afterEach(async () => {
  for (const end of ends.reverse()) await end();
  await Promise.all(pods.map((pod) => pod.close()));
  [pods, ends] = [[], []];
});

async function podOn(place: RedisPlace): Promise<Backends> {
  const pod = redisPods(place, keys, { ...createMetrics(false), backlogMax: 1_000_000 })();
  pods.push(pod);
  await pod.start();
  return pod;
}

async function underLoad(pod: Backends): Promise<Appending> {
  const load = new Appending(pod, lane);
  ends.push(() => load.end());
  await eventually(() => expect(load.acks.length).toBeGreaterThan(20));
  load.begin();
  return load;
}

async function subscribed(pod: Backends, to: string): Promise<Heard> {
  const { heard, listener } = recorder();
  await eventually(() => pod.channel.subscribe(to, listener), RESUMED_MS);
  return heard;
}

function decision(to: string, action: string): OutboxDecision {
  const event = (++events).toString(16).padStart(16, "0");
  return { bot: to, lane, epoch: 1, event, deadline: Date.now() + 60_000, actions: [action] };
}

/** Works again within its time from now on: appends, channel, reads. */
async function resumes(pod: Backends, load: Appending, heard: Heard) {
  const backMs = performance.now();
  await eventually(() => expect(load.acks.at(-1)?.atMs).toBeGreaterThan(backMs), RESUMED_MS);
  await eventually(() => pod.outboxWriter.enqueue([decision(bot, "after")]).then(() => {}), RESUMED_MS);
  await eventually(async () => {
    await pod.outboxWriter.enqueue([decision(bot, "after")]);
    expect(heard.pieces.at(-1)?.actions).toEqual(["after"]);
  }, RESUMED_MS);
  await eventually(async () => {
    expect((await pod.lanes.read(new Map([[0, "0-0"]]), 0)).length).toBeGreaterThan(0);
  }, RESUMED_MS);
  expect(performance.now() - backMs).toBeLessThan(RESUMED_MS);
}

/** Nothing hung, nothing failed but by back-pressure, and the loss was told before the first acknowledgement. */
function expectOrderly(load: Appending): void {
  expectPatient(load);
  expect(load.recovery.map(({ kind }) => kind)).toContain("loss");
}

/** Nothing hung, nothing failed but by back-pressure. */
function expectPatient(load: Appending): void {
  expect(load.failures.length).toBeGreaterThan(0);
  expect([...new Set(load.failures.map(({ code }) => code))]).toEqual(["redis_unavailable"]);
  expect(Math.max(...load.failures.map(({ tookMs }) => tookMs))).toBeLessThan(CALL_MS_MAX);
}

describe("Sentinels", () => {
  let servers: RedisWithSentinels;
  let pod: Backends;

  beforeEach(async () => {
    const started = await startSentinels(WAITING_FOR_REPLICAS);
    servers = started.servers;
    ends.push(started.stop);
    pod = await podOn(started.place);
  });

  test("a killed master is replaced: loss is told, nothing hangs, and all resumes", async () => {
    const load = await underLoad(pod);
    const heard = await subscribed(pod, bot);
    const former = await servers.current();
    await former.child.kill();
    await until(async () => (await servers.current()) !== former);
    await until(async () => ((await ask((await servers.current()).port, ["role"])) as string[])[0] === "master");
    await resumes(pod, load, heard);
    expectOrderly(load);
    expect(load.losses).toEqual([{ kind: "loss", shards: [0], tags: [0] }]);
    expect(heard.renewals).toBeGreaterThan(0);
  });

  test("a master that was stopped and wakes after its successor gets nothing that is acknowledged", async () => {
    const load = await underLoad(pod);
    const heard = await subscribed(pod, bot);
    const former = await servers.current();
    await former.child.pause();
    await until(async () => (await servers.current()) !== former);
    await resumes(pod, load, heard);
    expectOrderly(load);

    const before = load.acks.length;
    former.child.signal("SIGCONT");
    await until(async () => ((await ask(former.port, ["role"])) as string[])[0] === "slave");
    await eventually(() => expect(load.acks.length).toBeGreaterThan(before + 20));
    const since = load.acks.slice(before).map(({ event }) => event);
    await load.end();
    const kept = (await ask((await servers.current()).port, ["xrange", keys.inbound(0), "-", "+"])) as [
      string,
      string[],
    ][];
    const found = kept.map(([, [, event]]) => event);
    expect(found).toEqual(expect.arrayContaining(since));
  }, 60_000);

  test("a planned failover takes the connection along long before the former master hears of it", async () => {
    const load = await underLoad(pod);
    const heard = await subscribed(pod, bot);
    await servers.failover();
    await eventually(() => expect(load.losses.length).toBe(1), RESUMED_MS);
    await resumes(pod, load, heard);
    expectOrderly(load);
  });
});

describe("Cluster", () => {
  let servers: RedisCluster;
  let pod: Backends;

  beforeEach(async () => {
    // One replica each: a master that waits for it would write nothing after its failover.
    const started = await startCluster([]);
    servers = started.servers;
    ends.push(started.stop);
    pod = await podOn(started.place);
  });

  test("a killed master is replaced: loss is told of what it had, nothing hangs, and all resumes", async () => {
    const load = await underLoad(pod);
    const former = await servers.masterOf(keys.inbound(lane));
    const heard = await subscribed(pod, bot);
    await former.child.kill();
    await until(async () => (await servers.masterOf(keys.inbound(lane))) !== former);
    await resumes(pod, load, heard);
    expectOrderly(load);
    expect(load.losses.flatMap(({ shards }) => shards)).toEqual([0]);
  });

  test("no call made before the loss is told is carried out by the next master", async () => {
    const former = await servers.masterOf(keys.channel(bot));
    await eventually(() => pod.outboxWriter.enqueue([decision(bot, "before")]).then(() => {}));
    let isTold = false;
    pod.onLoss(() => {
      isTold = true;
    });
    await former.child.pause();
    const early: boolean[] = [];
    const calling = setInterval(() => {
      const wasTold = isTold;
      const call = pod.outboxWriter.enqueue([decision(bot, "after")]);
      call.then(
        () => early.push(!wasTold),
        () => {},
      );
    }, 1);
    ends.push(async () => clearInterval(calling));
    await eventually(() => expect(early).toContain(false), 20_000);
    expect(early).not.toContain(true);
    former.child.signal("SIGCONT");
  }, 60_000);

  test("a stopped master is replaced, and wakes as a replica that nobody writes to", async () => {
    const load = await underLoad(pod);
    const heard = await subscribed(pod, bot);
    const former = await servers.masterOf(keys.inbound(lane));
    await former.child.pause();
    const others = servers.nodes.filter((node) => node !== former);
    await until(async () => {
      const states = await Promise.all(others.map(({ port }) => ask(port, ["cluster", "info"])));
      const roles = await Promise.all(others.map(({ port }) => ask(port, ["role"])));
      return (
        states.every((state) => `${state}`.includes("cluster_state:ok")) &&
        roles.filter((role) => `${role}`.startsWith("master")).length === 3
      );
    });
    await resumes(pod, load, heard);
    expectOrderly(load);
    former.child.signal("SIGCONT");
    await until(async () => `${await ask(former.port, ["role"])}`.startsWith("slave"));
    await resumes(pod, load, heard);
  }, 60_000);

  test("a planned failover is followed, and told as a loss that may be", async () => {
    const load = await underLoad(pod);
    const heard = await subscribed(pod, bot);
    await servers.failover(await servers.masterOf(keys.inbound(lane)));
    await eventually(() => expect(load.losses.length).toBeGreaterThan(0));
    await resumes(pod, load, heard);
    expectOrderly(load);
  });

  test("a tag that moves while bots subscribe takes every subscription along", async () => {
    const first = await subscribed(pod, bot);
    const from = await servers.masterOf(keys.channel(bot));
    // To a node that the other tag's channels are heard from already: nothing else than the move tells of it.
    const stranger = ["a", "b", "c", "d", "e"].find((one) => tagIn(keys, one) !== tagIn(keys, bot)) as string;
    const to = servers.nodes.slice(0, 3).find((node) => node !== from) as typeof from;
    await servers.migrateSlot(keys.channel(stranger), to);
    await subscribed(pod, stranger);
    // All of one tag, as many as there are, begun before the move and during it.
    const bots = Array.from({ length: 120 }, (_, i) => `bot-${i}`).filter(
      (one) => tagIn(keys, one) === tagIn(keys, bot),
    );
    const others = Promise.all(bots.map((one) => subscribed(pod, one)));
    await servers.migrateSlot(keys.channel(bot), to);
    expect(await servers.masterOf(keys.channel(bot))).toBe(to);
    const all = await others;
    await eventually(() => expect(first.renewals).toBeGreaterThan(0), RESUMED_MS);
    await eventually(() => pod.outboxWriter.enqueue([decision(bot, "moved")]).then(() => {}), RESUMED_MS);
    await eventually(() => expect(first.pieces.at(-1)?.actions).toEqual(["moved"]));
    for (const [i, one] of bots.entries()) {
      await pod.outboxWriter.enqueue([decision(one, "moved")]);
      await eventually(() => expect(all[i]?.pieces.at(-1)?.actions).toEqual(["moved"]));
    }
    expect(await ask(from.port, ["pubsub", "shardnumsub", keys.channel(bot)])).toEqual([keys.channel(bot), 0]);
  });

  test("subscriptions that a node ended of itself are renewed there, before their silence would tell", async () => {
    const heard = await subscribed(pod, bot);
    const owner = await servers.masterOf(keys.channel(bot));
    const slot = await servers.slotOf(keys.channel(bot));
    await ask(owner.port, ["cluster", "delslots", slot]);
    await ask(owner.port, ["cluster", "addslots", slot]);
    await eventually(() => expect(heard.renewals).toBeGreaterThan(0), limits.probeSilenceMsMax - 1_500);
    await eventually(() => pod.outboxWriter.enqueue([decision(bot, "after")]).then(() => {}), RESUMED_MS);
    await eventually(() => expect(heard.pieces.at(-1)?.actions).toEqual(["after"]));
  });

  test("a lane whose slot moves goes on, and nothing is appended twice", async () => {
    const load = await underLoad(pod);
    const from = await servers.masterOf(keys.inbound(lane));
    const to = servers.nodes.slice(0, 3).find((node) => node !== from) as typeof from;
    await servers.migrateSlot(keys.inbound(lane), to);
    const before = load.acks.length;
    await eventually(() => expect(load.acks.length).toBeGreaterThan(before + 20), RESUMED_MS);
    expectPatient(load);
    // Not before the first acknowledgement: while a slot moves, some calls fail and its old owner still acknowledges others.
    expect(load.losses.length).toBeGreaterThan(0);
    await load.end();
    const found = (await pod.lanes.read(new Map([[lane, "0-0"]]), 0)).flatMap((entry) => entry.events);
    expect(found.slice(0, load.acks.length)).toEqual(load.acks.map(({ event }) => event).slice(0, found.length));
  });

  test("a Cluster that is down is back-pressure", async () => {
    const load = await underLoad(pod);
    const slot = await servers.slotOf(keys.inbound(1));
    const owner = await servers.masterOf(keys.inbound(1));
    for (const { port } of servers.nodes.slice(0, 3)) await ask(port, ["cluster", "delslots", slot]);
    await eventually(() => expect(load.failures.length).toBeGreaterThan(0));
    expect(load.losses).toEqual([]);
    for (const { port } of servers.nodes.slice(0, 3)) {
      if (port !== owner.port) await ask(port, ["cluster", "setslot", slot, "node", owner.id]);
    }
    await ask(owner.port, ["cluster", "addslots", slot]);
    const before = load.acks.length;
    await eventually(() => expect(load.acks.length).toBeGreaterThan(before + 20), RESUMED_MS);
    expect([...new Set(load.failures.map(({ code }) => code))]).toEqual(["redis_unavailable"]);
    expect(load.losses).toEqual([]);
  });
});

function tagIn(of: Keys, to: string): string {
  return /\{o:\d+\}/.exec(of.channel(to))?.[0] ?? "";
}
