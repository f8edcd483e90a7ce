import { expect, test } from "vitest";
import { FakeClock } from "#test/fixtures/fake-clock.ts";
import { MoaError } from "./errors.ts";
import { Life } from "./life.ts";
import { seededRandom } from "./random.ts";

function lifeOf() {
  const clock = new FakeClock();
  const seen = {
    joined: [] as string[],
    reborn: [] as string[],
    left: [] as string[],
    leftMs: [] as number[],
    errors: 0,
  };
  const store = { renew: (): Promise<boolean> => Promise.resolve(true) };
  const life = new Life({
    podName: "pod",
    clock,
    random: seededRandom(7),
    lifeMs: 3_000,
    marginMs: 500,
    renewEveryMs: 1_000,
    role: "tester",
    roll: {
      join: async (_, member) => void seen.joined.push(member),
      renew: () => store.renew(),
      leave: async (_, member) => void seen.left.push(member),
    },
    onReborn: (member) => void seen.reborn.push(member),
    onRenewed: (leftMs) => void seen.leftMs.push(leftMs),
    onError: () => void seen.errors++,
  });
  return { clock, seen, store, life };
}

test("life stays valid while renewals are granted and ends 2.5 s after the last one was sent", async () => {
  const { clock, seen, store, life } = lifeOf();
  expect(life.valid).toBe(false);
  await life.start();
  await clock.advance(10_000);
  expect(life.valid).toBe(true);
  expect(seen.leftMs).toEqual(Array(10).fill(1_500));
  store.renew = () => Promise.reject(new MoaError("redis_unavailable", "gone"));
  await clock.advance(2_499);
  expect(life.valid).toBe(true);
  await clock.advance(1);
  expect(life.valid).toBe(false);
  expect(seen.errors).toBe(2);
  expect(seen.reborn).toEqual([]);
});

test("a renewal that is refused takes a new incarnation, joined before anyone is told", async () => {
  const { clock, seen, store, life } = lifeOf();
  await life.start();
  const first = life.member;
  store.renew = () => Promise.resolve(false);
  await clock.advance(1_000);
  expect(life.member).not.toBe(first);
  expect(seen.joined).toEqual([first, life.member]);
  expect(seen.reborn).toEqual([life.member]);
  const stopped = life.stop();
  await clock.settle();
  await stopped;
  expect(seen.left).toEqual([life.member]);
});

test("an incarnation that is renounced is valid no more, and another takes its place at once", async () => {
  const { clock, seen, life } = lifeOf();
  await life.start();
  const first = life.member;
  life.renounce();
  expect(life.valid).toBe(false);
  await clock.settle();
  expect([life.valid, seen.left, seen.reborn]).toEqual([true, [first], [life.member]]);
});
