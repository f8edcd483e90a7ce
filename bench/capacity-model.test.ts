import { expect, test } from "vitest";
import measured from "./capacity.json" with { type: "json" };
import { type Counted, coordination, sumOf } from "./capacity-model.ts";

const LAYOUT = { lanes: 16, tags: 8, reach: { shards: 1, tags: 1 } };
const atRest = (measured.counted as readonly Counted[]).filter(({ linesPerS }) => linesPerS === 0);

test.each(atRest.map((one) => [one.gateways, one.workers, one.bots, one.standbys, one]))(
  "of %i gateways and %i workers with %i bots and %i standbys the commands that are computed are those that were counted",
  (...[, , , , one]) => {
    const computed = sumOf(coordination(one, LAYOUT));
    expect(computed / one.perS.commands).toBeGreaterThan(0.95);
    expect(computed / one.perS.commands).toBeLessThan(1.05);
  },
);

test("standbys are asked about within a bound of each gateway, however many they are", () => {
  const site = { gateways: 10, workers: 4, bots: 100_000 };
  const of = (standbys: number) => sumOf(coordination({ ...site, standbys }, LAYOUT));
  expect(of(100_000)).toBe(of(50_000));
});
