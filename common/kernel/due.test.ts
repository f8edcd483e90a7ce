import { expect, test } from "vitest";
import { FakeClock } from "#test/fixtures/fake-clock.ts";
import { Due } from "./due.ts";
import { seededRandom } from "./random.ts";

/** Work of which each run ends when told. */
function dueOf() {
  const clock = new FakeClock();
  const runs: PromiseWithResolvers<void>[] = [];
  const failures: number[] = [];
  const due = new Due({
    clock,
    random: seededRandom(7),
    work: () => {
      const run = Promise.withResolvers<void>();
      runs.push(run);
      return run.promise;
    },
    onFailed: (_, count) => void failures.push(count),
  });
  return { clock, runs, failures, due };
}

test("what is asked for runs once, and nothing is due before and after", async () => {
  const { clock, runs, due } = dueOf();
  expect(due.running).toBeNull();
  const asked = due.ask();
  expect(due.running).toBe(asked);
  runs[0]?.resolve();
  await asked;
  await clock.advance(60_000);
  expect([due.running, runs.length]).toEqual([null, 1]);
});

test("what is asked for while it runs is run once more: the run under way may have begun too early", async () => {
  const { clock, runs, due } = dueOf();
  const first = due.ask();
  let isDone = false;
  void first.then(() => {
    isDone = true;
  });
  expect([due.ask(), due.ask()]).toEqual([first, first]);
  runs[0]?.resolve();
  await clock.settle();
  expect([isDone, runs.length]).toEqual([false, 2]);
  runs[1]?.resolve();
  await clock.settle();
  expect([isDone, due.running, runs.length]).toEqual([true, null, 2]);
});

test("what fails is tried again after a back-off until it succeeds, and told each time", async () => {
  const { clock, runs, failures, due } = dueOf();
  const asked = due.ask();
  for (let i = 0; i < 3; i++) {
    runs[i]?.reject(new Error("away"));
    await clock.advance(60_000);
    expect(runs).toHaveLength(i + 2);
  }
  runs[3]?.resolve();
  await asked;
  expect([failures, due.running]).toEqual([[1, 2, 3], null]);
});

test("a run that failed after more was asked for makes up for that, too", async () => {
  const { clock, runs, due } = dueOf();
  void due.ask();
  void due.ask();
  runs[0]?.reject(new Error("away"));
  await clock.advance(60_000);
  runs[1]?.resolve();
  await clock.settle();
  expect([due.running, runs.length]).toEqual([null, 2]);
});

test("closed, it resolves with what runs, or from its back-off at once, and tries no more", async () => {
  const { clock, runs, due } = dueOf();
  const asked = due.ask();
  runs[0]?.reject(new Error("away"));
  await clock.settle();
  due.close();
  await asked;
  await clock.advance(60_000);
  expect([due.running, runs.length]).toEqual([null, 1]);
});
