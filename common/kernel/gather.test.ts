import { expect, test } from "vitest";
import { FakeClock } from "#test/fixtures/fake-clock.ts";
import { MoaError } from "./errors.ts";
import { Gather } from "./gather.ts";
import { seededRandom } from "./random.ts";

interface Call {
  readonly items: readonly number[];
  readonly number: number;
  readonly done: PromiseWithResolvers<readonly number[]>;
}

function gatherOf(itemsMax = 3, bytesMax = 1_000, more: { once?: true; holdMs?: () => number } = {}) {
  const clock = new FakeClock();
  const calls: Call[] = [];
  const gather = new Gather<number, number>({
    ...more,
    itemsMax,
    bytesMax,
    clock,
    random: seededRandom(1),
    send(items, number) {
      const done = Promise.withResolvers<readonly number[]>();
      calls.push({ items, number, done });
      return done.promise;
    },
  });
  const answer = async (index: number) => {
    const call = calls[index] as Call;
    call.done.resolve(call.items.map((item) => item * 10));
    await clock.settle();
  };
  return { clock, calls, gather, answer };
}

test("what is added while a batch is in flight is the next batch, in order and within its bounds", async () => {
  const { clock, calls, gather, answer } = gatherOf();
  const results = [1, 2].map((item) => gather.add(item, 10));
  await clock.settle();
  results.push(...[3, 4, 5, 6].map((item) => gather.add(item, 10)));
  await clock.settle();
  expect(calls.map((call) => call.items)).toEqual([[1, 2]]);
  await answer(0);
  await answer(1);
  await answer(2);
  expect(calls.map((call) => [call.number, call.items])).toEqual([
    [1, [1, 2]],
    [2, [3, 4, 5]],
    [3, [6]],
  ]);
  expect(await Promise.all(results)).toEqual([10, 20, 30, 40, 50, 60]);
  expect(gather.waitingBytes).toBe(0);
});

test("a batch that may be tried again keeps its number and its content, and later items wait behind it", async () => {
  const { clock, calls, gather, answer } = gatherOf();
  const first = gather.add(1, 10);
  await clock.settle();
  const second = gather.add(2, 10);
  calls[0]?.done.reject(new MoaError("redis_unavailable", "gone"));
  await clock.advance(60_000);
  expect(calls.map((call) => [call.number, call.items])).toEqual([
    [1, [1]],
    [1, [1]],
  ]);
  await answer(1);
  await answer(2);
  expect(await Promise.all([first, second])).toEqual([10, 20]);
});

test("an error that may not be tried again rejects its batch only", async () => {
  const { clock, calls, gather, answer } = gatherOf();
  const first = gather.add(1, 10);
  const refused = expect(first).rejects.toMatchObject({ code: "fenced" });
  await clock.settle();
  const second = gather.add(2, 10);
  calls[0]?.done.reject(new MoaError("fenced", "newer owner"));
  await refused;
  await clock.settle();
  await answer(1);
  expect(await second).toBe(20);
});

test("an item larger than the bound goes alone", async () => {
  const { clock, calls, gather } = gatherOf(3, 100);
  void gather.add(1, 50);
  void gather.add(2, 500);
  await clock.settle();
  expect(calls[0]?.items).toEqual([1]);
  calls[0]?.done.resolve([1]);
  await clock.settle();
  expect(calls[1]?.items).toEqual([2]);
});

test("closing rejects what waits and ends a back-off", async () => {
  const { clock, calls, gather } = gatherOf();
  const first = gather.add(1, 10);
  const second = expect(first).rejects.toMatchObject({ code: "redis_unavailable" });
  await clock.settle();
  const waiting = expect(gather.add(2, 10)).rejects.toMatchObject({ code: "deadline_passed" });
  gather.close();
  calls[0]?.done.reject(new MoaError("redis_unavailable", "gone"));
  await Promise.all([second, waiting]);
  expect(gather.waitingBytes).toBe(0);
});

test("a gather that sends once rejects a batch instead of trying it again, and goes on", async () => {
  const { clock, calls, gather, answer } = gatherOf(3, 1_000, { once: true });
  const first = expect(gather.add(1, 10)).rejects.toMatchObject({ code: "redis_unavailable" });
  await clock.settle();
  const second = gather.add(2, 10);
  calls[0]?.done.reject(new MoaError("redis_unavailable", "gone"));
  await first;
  await clock.settle();
  await answer(1);
  expect([calls.length, await second]).toEqual([2, 20]);
});

test("a batch that is held gathers until its time, or until somebody is in a hurry, or until it is full", async () => {
  const { clock, calls, gather, answer } = gatherOf(3, 1_000, { holdMs: () => 50 });
  void gather.add(1, 10);
  await clock.advance(49);
  void gather.add(2, 10);
  expect(calls).toEqual([]);
  await clock.advance(1);
  expect(calls.map((call) => call.items)).toEqual([[1, 2]]);
  await answer(0);
  void gather.add(3, 10);
  await clock.settle();
  gather.hurry();
  await clock.settle();
  expect(calls[1]?.items).toEqual([3]);
  for (const item of [4, 5, 6]) void gather.add(item, 10);
  await answer(1);
  expect(calls[2]?.items).toEqual([4, 5, 6]);
});
