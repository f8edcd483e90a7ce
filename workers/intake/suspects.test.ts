import { expect, it } from "vitest";
import { memoryBackends, memoryStore } from "#common/backends/memory/backends.ts";
import { encodeEvent } from "#common/contract/codec.ts";
import { limits } from "#common/contract/limits.ts";
import { seededRandom } from "#common/kernel/random.ts";
import { createMetrics } from "#common/observe/metrics.ts";
import { chat } from "#test/fixtures/dialogue.ts";
import { FakeClock } from "#test/fixtures/fake-clock.ts";
import type { Tools } from "#workers/pipeline/work.ts";
import { Suspects } from "./suspects.ts";

const A = "aaaaaaaaaaaaaaaa";
const B = "bbbbbbbbbbbbbbbb";
const eventOf = (id: string) => encodeEvent({ ...chat("# echo", "1"), id });
const entry = { events: [eventOf(A), "not an event", eventOf(B)], loggedAtMs: 1 };

function rig() {
  const clock = new FakeClock();
  const random = seededRandom(7);
  const topology = { shards: 1, lanesPerShard: 1, tags: 1 };
  const { lanes } = memoryBackends(memoryStore({ topology, clock, random, laneBacklogMax: 100 }));
  const tools = { clock, random, metrics: createMetrics(false).metrics } as Partial<Tools> as Tools;
  const owner = async () => {
    const [state] = await lanes.owners();
    const taken = await lanes.take(state ?? { lane: 0, epoch: 0, owner: null }, "w.1");
    const epoch = taken?.epoch ?? 0;
    return { epoch, suspects: new Suspects({ lane: 0, epoch, reader: lanes, tools, isWanted: () => true }) };
  };
  return { lanes, owner };
}

it("what one dead owner had in hand is run as any other; what two had is suspected, until it is done", async () => {
  const { lanes, owner } = rig();
  const first = await owner();
  expect(await first.suspects.among(entry)).toEqual([false, false, false]);
  expect(await first.suspects.among(entry)).toEqual([false, false, false]);
  const done = { position: null, rows: [], counts: {}, parked: [] };
  await lanes.commit({ ...done, lane: 0, epoch: first.epoch, number: 1, seen: [B] });
  const second = await owner();
  expect(await second.suspects.among(entry)).toEqual([true, false, false]);
});

it("a suspect's tries are counted as it begins, not as it waits, up to the most that it gets", async () => {
  const { owner } = rig();
  await (await owner()).suspects.among(entry);
  const had: boolean[] = [];
  for (let death = 2; death <= limits.attemptsMax + 1; death++) {
    const { suspects } = await owner();
    expect((await suspects.among(entry))[0]).toBe(true);
    had.push(await suspects.hadTooMany(A));
  }
  expect(had).toEqual([...Array(limits.attemptsMax - 1).fill(false), true]);
  const { suspects } = await owner();
  expect(await suspects.hadTooMany(B)).toBe(false);
});

it("who is fenced is told so", async () => {
  const { owner } = rig();
  const { suspects } = await owner();
  await owner();
  await expect(suspects.among(entry)).rejects.toMatchObject({ code: "fenced" });
});
