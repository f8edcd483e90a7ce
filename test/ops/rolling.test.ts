/** What the issue demands of a rolling deploy, at a short size; `npm run accept -- rolling` runs the full one. */
import { expect, test } from "vitest";
import { roll } from "./rolling.ts";

test("replacing every gateway and worker under load, new ones first, loses, doubles and reorders nothing", async () => {
  const { failed, fleet, replaced } = await roll({ seconds: 30, rate: 120, bots: 40, gateways: 2, workers: 2 });
  expect(failed).toEqual([]);
  expect(replaced).toBe(4);
  expect(fleet).toMatchObject({
    lost: 0,
    unshown: 0,
    doubled: 0,
    ambiguous: 0,
    reordered: 0,
    expired: 0,
    rows_missing: 0,
  });
});
