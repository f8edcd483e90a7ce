import { expect, test } from "vitest";
import { metricCatalogue } from "./metric-catalogue.ts";
import { createMetrics } from "./metrics.ts";

test("a histogram's buckets add up from below, and each combination of labels has its own from the start", async () => {
  const { metrics, expose } = createMetrics(false);
  const [bound = 0] = metricCatalogue.deliverySeconds.buckets;
  for (const seconds of [0, bound, 2 * bound, 3_600]) metrics.deliverySeconds.observe(seconds, { leg: "in" });
  const lines = (await expose()).split("\n").filter((line) => line.startsWith("moa_delivery_seconds"));
  const of = (leg: string) => lines.filter((line) => line.includes(`leg="${leg}"`));
  const values = of("in").map((line) => Number(line.split(" ").at(-1)));
  const buckets = values.slice(0, -2);
  expect(buckets[0]).toBe(2);
  expect(buckets).toEqual(buckets.toSorted((a, b) => a - b));
  expect(buckets.slice(-2)).toEqual([3, 4]);
  expect(of("in").at(-3)).toBe('moa_delivery_seconds_bucket{le="+Inf",leg="in"} 4');
  expect(of("in").at(-2)).toBe(`moa_delivery_seconds_sum{leg="in"} ${3 * bound + 3_600}`);
  expect(of("in").at(-1)).toBe('moa_delivery_seconds_count{leg="in"} 4');
  expect(of("out").every((line) => line.endsWith(" 0"))).toBe(true);
});
