import { expect, test } from "vitest";
import { fuzzFrames } from "#test/fuzz/frames.ts";

/** Enough for every sort of frame to be met many times; `npm run accept -- fuzz` runs 100,000. */
const FRAMES = 3_000;

test(`${FRAMES} frames of every sort are survived, mean one thing however they are cut, and leave nothing behind`, () => {
  const { frames, meanings } = fuzzFrames({ frames: FRAMES, seed: 1 });
  expect(frames).toBeGreaterThanOrEqual(FRAMES);
  expect(Object.keys(meanings).sort()).toEqual(["chat", "fault", "handshake", "ping", "pong", "refuse"]);
}, 60_000);
