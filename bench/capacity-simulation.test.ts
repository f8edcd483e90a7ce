import { expect, test } from "vitest";
import { limits } from "#common/contract/limits.ts";
import measured from "./capacity.json" with { type: "json" };
import { type Counted, coordination, type Site, sumOf } from "./capacity-model.ts";
import { type Happening, simulated } from "./capacity-simulation.ts";

const LAYOUT = { lanes: 16, tags: 8, reach: { shards: 1, tags: 1 } };
const SITE: Site = { gateways: 5, workers: 3, bots: 5_000, standbys: 5_000 };
const atRest = (measured.counted as readonly Counted[]).filter(({ linesPerS }) => linesPerS === 0);
const happens = (happening: Happening, site = SITE) => simulated({ site, layout: LAYOUT, nodes: 1, happening });

test.each([...atRest, SITE, { ...SITE, gateways: 20, bots: 100_000, standbys: 100_000 }])(
  "at rest the loops ask for what the model computes, within 3 %: $gateways gateways, $bots bots",
  ({ gateways, workers, bots, standbys }) => {
    const site = { gateways, workers, bots, standbys };
    const ratio = happens("rest", site).perS / sumOf(coordination(site, LAYOUT));
    expect(ratio).toBeGreaterThan(0.97);
    expect(ratio).toBeLessThan(1.03);
  },
);

test("on a Cluster they ask each shard and tag, as the model computes", () => {
  const layout = { lanes: 32, tags: 16, reach: { shards: 8, tags: 16 } };
  const { perS, peak } = simulated({ site: SITE, layout, nodes: 4, happening: "rest" });
  expect(perS / sumOf(coordination(SITE, layout))).toBeCloseTo(1, 1);
  expect(peak).toBeLessThan(perS);
});

test("a dead gateway's bots are taken when its life has run out, all within a look of each other gateway", () => {
  const { outageMs, peak } = happens("death");
  expect(outageMs).toBeGreaterThan(limits.lifeMs - limits.lifeRenewEveryMs - 10);
  expect(outageMs).toBeLessThan(limits.lifeMs + limits.writersLookEveryMs + 10);
  expect(peak).toBeGreaterThan(2 * happens("rest").peak);
});

test("of a gateway that is drained nobody waits for its life to run out", () => {
  const { outageMs, peak } = happens("drain");
  expect(outageMs).toBeLessThan(limits.lifeMs - limits.lifeRenewEveryMs);
  expect(peak).toBeGreaterThan(2 * happens("rest").peak);
});

test("the same plan gives the same figures", () => {
  expect(happens("death")).toEqual(happens("death"));
});
