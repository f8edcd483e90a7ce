import { expect, test } from "vitest";
import { laneOf, rightfulOwner, type Topology, tagOf } from "./lanes.ts";

const topology: Topology = { shards: 2, lanesPerShard: 8, tags: 8 };

test("rooms spread evenly over lanes and bots over tags", () => {
  const lanes = new Array<number>(16).fill(0);
  const tags = new Array<number>(8).fill(0);
  for (let i = 0; i < 16_000; i++) {
    lanes[laneOf(topology, `bot-${i % 50}`, String(18_400_000_000_000_000 + i))]!++;
    tags[tagOf(topology, `bot-${i}`)]!++;
  }
  expect(Math.min(...lanes)).toBeGreaterThan(850);
  expect(Math.max(...lanes)).toBeLessThan(1_150);
  expect(Math.min(...tags)).toBeGreaterThan(1_800);
});

test("lane and tag of a room never change: they are part of what is in Redis", () => {
  expect(laneOf(topology, "LOA.i", "18445682959392711")).toBe(12);
  expect(tagOf(topology, "LOA.i")).toBe(1);
});

test("a worker that joins takes only lanes for itself, a worker that leaves frees only its own", () => {
  const keys = Array.from({ length: 64 }, (_, lane) => `lane:${lane}`);
  const before = keys.map((key) => rightfulOwner(key, ["a", "b", "c"]));
  const after = keys.map((key) => rightfulOwner(key, ["a", "b", "c", "d"]));
  for (const [i, owner] of after.entries()) if (owner !== "d") expect(owner).toBe(before[i]);
  expect(after.filter((owner) => owner === "d").length).toBeGreaterThan(5);
  expect(rightfulOwner("lane:0", [])).toBeUndefined();
});
