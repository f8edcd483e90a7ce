import { expect, it } from "vitest";
import { limits } from "#common/contract/limits.ts";
import { FakeClock } from "#test/fixtures/fake-clock.ts";
import { CarefulTurns } from "./careful.ts";

function rig() {
  const clock = new FakeClock();
  const careful = new CarefulTurns(clock);
  const begun: string[] = [];
  const add = (name: string) => {
    const turn = Promise.withResolvers<void>();
    void careful.add(() => {
      begun.push(name);
      return turn.promise;
    });
    return turn;
  };
  return { clock, careful, begun, add };
}

it("careful turns run one at a time, and one that is done at once holds nobody up", async () => {
  const { clock, careful, begun, add } = rig();
  const a = add("a");
  void careful.add(() => {
    begun.push("at once");
    return undefined;
  });
  add("b");
  add("c");
  await clock.settle();
  expect(begun).toEqual(["a"]);
  a.resolve();
  await clock.settle();
  expect(begun).toEqual(["a", "at once", "b"]);
});

it("one that waits is waited for a while only, and until it is done nobody waits for another", async () => {
  const { clock, begun, add } = rig();
  const a = add("a");
  for (const name of ["b", "c", "d"]) add(name);
  await clock.advance(limits.carefulAloneMsMax - 1);
  expect(begun).toEqual(["a"]);
  await clock.advance(1);
  expect(begun).toEqual(["a", "b", "c", "d"]);
  a.resolve();
  await clock.settle();
  add("e");
  add("f");
  await clock.settle();
  expect(begun).toEqual(["a", "b", "c", "d", "e"]);
});
