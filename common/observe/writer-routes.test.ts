import { beforeEach, describe, expect, test } from "vitest";
import { memoryBackends, memoryStore } from "#common/backends/memory/backends.ts";
import { encodeAction } from "#common/contract/codec.ts";
import { seededRandom } from "#common/kernel/random.ts";
import type { Actor, AuditEntry } from "#common/ports/administration.ts";
import type { BotListener } from "#common/ports/bot-channel.ts";
import type { Tenure } from "#common/ports/writer-directory.ts";
import { FakeClock } from "#test/fixtures/fake-clock.ts";
import { createLogger } from "./logger.ts";
import { writerRoutes } from "./writer-routes.ts";

const BOT = "bot";
const ACTION_TTL_MS = 90_000;
const by: Actor = { who: "somebody@somewhere", from: "127.0.0.1" };
const topology = { shards: 1, lanesPerShard: 1, tags: 1 };

let clock: FakeClock;
let backends: ReturnType<typeof memoryBackends>;
let recorded: AuditEntry[];
let auditIsAway: boolean;

beforeEach(async () => {
  clock = new FakeClock();
  backends = memoryBackends(memoryStore({ topology, clock, random: seededRandom(1), laneBacklogMax: 10 }));
  recorded = [];
  auditIsAway = false;
  for (const member of ["gateway-1.a", "gateway-2.b"]) await backends.membership.join("gateway", member);
});

function ask(name: string, asked: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>> {
  const audit = {
    record: async (entry: AuditEntry) => {
      if (auditIsAway) throw new Error("away");
      recorded.push(entry);
    },
  };
  const routes = writerRoutes({
    ...backends,
    audit,
    clock,
    log: createLogger("pod", "silent"),
    actionTtlMs: ACTION_TTL_MS,
  });
  const query = new URLSearchParams(name.startsWith("GET") ? (asked as Record<string, string>) : {});
  return routes[name]?.({ query, body: asked, by }) as Promise<Record<string, unknown>>;
}

function candidate(connection: string, member = "gateway-1.a") {
  return { bot: BOT, member, connection, device: `device of ${connection}`, since: clock.nowMs() };
}

async function enrolled(connection: string, member?: string) {
  const one = candidate(connection, member);
  await backends.writers.enrol(one);
  return one;
}

async function writes(connection: string, member?: string): Promise<Tenure> {
  return (await backends.writers.take(await enrolled(connection, member), null, { epoch: 0, lost: false })) as Tenure;
}

/** A pod that hands over when it is asked to, `ms` later: to the one it is asked for, or else to the heir. */
async function handsOver(tenure: Tenure, heir: string, ms: number): Promise<{ asked: number }> {
  const seen = { asked: 0 };
  const listener: BotListener = {
    onPiece: () => {},
    onRenewed: () => {},
    onTold: (told) => {
      if (told.kind !== "asked" || told.request.kind !== "failover" || told.request.epoch !== tenure.epoch) return;
      seen.asked++;
      const to = candidate(told.request.to ?? heir, "gateway-2.b");
      clock.after(ms, () => void backends.writers.take(to, tenure, { epoch: tenure.epoch, lost: false }));
    },
  };
  await backends.channel.subscribe(BOT, listener);
  return seen;
}

/** Until it is answered, time goes on. */
async function meanwhile<T>(answer: Promise<T>): Promise<T> {
  let isSettled = false;
  const end = () => {
    isSettled = true;
  };
  answer.then(end, end);
  for (let i = 0; i < 1_000 && !isSettled; i++) await clock.advance(10);
  return answer;
}

describe("a failover", () => {
  test("asks the holder of the epoch, and says who writes then and how long it took", async () => {
    const tenure = await writes("one");
    await enrolled("two", "gateway-2.b");
    await handsOver(tenure, "two", 200);
    const done = await meanwhile(ask("POST writer/failover", { bot: BOT, epoch: tenure.epoch }));
    expect(done).toMatchObject({
      outcome: "moved",
      before: { connection: "one", pod: "gateway-1", epoch: tenure.epoch },
      after: { connection: "two", pod: "gateway-2", podLives: true },
    });
    expect(done.tookMs).toBeGreaterThanOrEqual(200);
    expect(done.tookMs).toBeLessThan(240);
    expect(recorded).toEqual([
      { action: "writer.failover", subject: BOT, before: `one, epoch ${tenure.epoch}`, after: "any other" },
    ]);
  });

  test("to a named connection asks for that one", async () => {
    const tenure = await writes("one");
    for (const connection of ["two", "three"]) await enrolled(connection, "gateway-2.b");
    await handsOver(tenure, "two", 0);
    const done = await meanwhile(ask("POST writer/failover", { bot: BOT, epoch: tenure.epoch, to: "three" }));
    expect(done).toMatchObject({ after: { connection: "three" }, heirs: [{ connection: "three" }] });
    expect(recorded).toMatchObject([{ after: "three" }]);
  });

  test("of an epoch that is over changes nothing and is not on record", async () => {
    const tenure = await writes("one");
    await enrolled("two", "gateway-2.b");
    const seen = await handsOver(tenure, "two", 0);
    const first = meanwhile(ask("POST writer/failover", { bot: BOT, epoch: tenure.epoch }));
    expect((await first).outcome).toBe("moved");
    const again = await ask("POST writer/failover", { bot: BOT, epoch: tenure.epoch });
    expect(again).toMatchObject({ outcome: "ended", before: null, after: { connection: "two" } });
    expect([seen.asked, recorded.length]).toEqual([1, 1]);
  });

  test("to the connection that writes already changes nothing", async () => {
    const { epoch } = await writes("one");
    expect(await ask("POST writer/failover", { bot: BOT, epoch, to: "one" })).toMatchObject({ outcome: "same" });
    expect(recorded).toEqual([]);
  });

  test("without a living standby is refused: it would be the same connection again", async () => {
    const { epoch } = await writes("one");
    await enrolled("gone", "gateway-9.z");
    const refused = ask("POST writer/failover", { bot: BOT, epoch });
    await expect(refused).rejects.toMatchObject({ code: "not_found" });
    await expect(ask("POST writer/failover", { bot: BOT, epoch, to: "gone" })).rejects.toMatchObject({
      code: "not_found",
    });
    expect(recorded).toEqual([]);
  });

  test("that nobody heeds ends after 3 s and says so", async () => {
    const { epoch } = await writes("one");
    await enrolled("two", "gateway-2.b");
    const sinceMs = clock.nowMs();
    const asked = meanwhile(ask("POST writer/failover", { bot: BOT, epoch }));
    await expect(asked).rejects.toMatchObject({ code: "deadline_passed" });
    expect(clock.nowMs() - sinceMs).toBeLessThan(3_200);
  });

  test("that is only tried names who would take: the latest on the holder's pod before all others", async () => {
    const { epoch } = await writes("one");
    await enrolled("two", "gateway-2.b");
    const tried = () => ask("POST writer/failover", { bot: BOT, epoch, dryRun: true });
    expect(await tried()).toMatchObject({ outcome: "would_move", heirs: [{ connection: "two" }] });
    await enrolled("three");
    await clock.advance(1);
    await enrolled("four");
    const { heirs } = await tried();
    expect(heirs).toMatchObject([{ connection: "four" }]);
    const { holder } = await backends.writers.look(BOT);
    expect([holder?.epoch, recorded]).toEqual([epoch, []]);
  });
});

describe("a hold", () => {
  test("is on record once, is told each time, and is taken back", async () => {
    await writes("one");
    const told: boolean[] = [];
    const onTold: BotListener["onTold"] = (one) => {
      if (one.kind === "asked" && one.request.kind === "paused") told.push(one.request.paused);
    };
    await backends.channel.subscribe(BOT, { onPiece: () => {}, onRenewed: () => {}, onTold });
    expect(await ask("POST writer/hold", { bot: BOT })).toMatchObject({ before: false, after: true, known: true });
    expect(await ask("POST writer/hold", { bot: BOT })).toMatchObject({ before: true, after: true });
    expect((await backends.writers.look(BOT)).paused).toBe(true);
    expect(await ask("POST writer/release", { bot: BOT })).toMatchObject({ before: true, after: false });
    await clock.settle();
    expect(told).toEqual([true, true, false]);
    expect(recorded.map(({ action }) => action)).toEqual(["writer.hold", "writer.release"]);
  });

  test("counts also while MySQL is away", async () => {
    auditIsAway = true;
    await ask("POST writer/hold", { bot: BOT });
    expect((await backends.writers.look(BOT)).paused).toBe(true);
  });

  test("of a name that nobody knows says so", async () => {
    expect(await ask("POST writer/hold", { bot: "bto" })).toMatchObject({ known: false });
  });
});

test("a look tells the pods, whether they live, and the age of the oldest action", async () => {
  const tenure = await writes("one");
  await enrolled("gone", "gateway-9.z");
  const action = { v: 1, kind: "text", id: "e:0", bot: BOT, channel: "1", room: "방", text: "." } as const;
  const deadline = clock.nowMs() + ACTION_TTL_MS;
  const actions = [encodeAction({ ...action, deadline }), encodeAction({ ...action, id: "e:1", deadline })];
  await backends.outboxWriter.enqueue([{ bot: BOT, lane: 0, epoch: 1, event: "e", deadline, actions }]);
  await clock.advance(7_000);
  await backends.membership.join("gateway", "gateway-1.a");
  expect(await ask("GET writer", { bot: BOT })).toMatchObject({
    holder: { epoch: tenure.epoch, pod: "gateway-1", podLives: true },
    candidates: [
      { connection: "one", podLives: true },
      { connection: "gone", pod: "gateway-9", podLives: false },
    ],
    ...{ waiting: 2, oldestMs: 7_000, paused: false, held: 0 },
  });
});
