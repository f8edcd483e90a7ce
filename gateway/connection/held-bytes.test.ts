import { expect, test } from "vitest";
import { limits } from "#common/contract/limits.ts";
import { createMetrics } from "#common/observe/metrics.ts";
import { HeldBytes } from "./held-bytes.ts";

const MIB = 1024 * 1024;

test("the one that holds most ends when all together hold too much, whoever came last", async () => {
  const pod = createMetrics(false);
  const held = new HeldBytes(pod.metrics);
  const ended: string[] = [];
  const holder = (name: string) => {
    const one = {
      close: () => {
        ended.push(name);
        held.set(one, 0);
      },
    };
    return one;
  };
  held.set(holder("small"), MIB);
  held.set(holder("large"), limits.heldBytesMax - 2 * MIB);
  const last = holder("last");
  held.set(last, MIB);
  expect(ended).toEqual([]);
  held.set(last, MIB + 1);
  expect(ended).toEqual(["large"]);
  expect(await pod.expose()).toContain(`moa_held_bytes ${2 * MIB + 1}`);
  held.set(last, 0);
  held.set(last, 0);
  expect(await pod.expose()).toContain(`moa_held_bytes ${MIB}`);
});
