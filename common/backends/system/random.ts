import { randomBytes } from "node:crypto";
import type { Random } from "#common/kernel/random.ts";

export function systemRandom(): Random {
  return { next: () => Math.random(), hex: (bytes) => randomBytes(bytes).toString("hex") };
}
