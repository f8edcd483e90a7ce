/** Short size: SEEDS runs. The full figure is `npm run accept -- sim`; a failing seed is replayed by test/sim/main.ts. */
import { expect, test } from "vitest";
import { plants } from "./plants.ts";
import { World } from "./world.ts";

const SEEDS = 200;
const PLANT_SEEDS_MAX = 10_000;

test(`the promises hold over ${SEEDS} seeds of faults`, async () => {
  const failed: Record<number, readonly string[]> = {};
  for (let seed = 1; seed <= SEEDS; seed++) {
    const broken = await new World(seed).run();
    if (broken.length > 0) failed[seed] = broken;
  }
  expect(failed).toEqual({});
});

test.each(Object.keys(plants))("a planted bug is found: %s", async (name) => {
  for (let seed = 1; seed <= PLANT_SEEDS_MAX; seed++) {
    if ((await new World(seed, plants[name]).run()).length > 0) return;
  }
  expect.fail(`not found in ${PLANT_SEEDS_MAX} seeds`);
});
