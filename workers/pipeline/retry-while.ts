import { backoffMs } from "#common/kernel/backoff.ts";
import { pause } from "#common/kernel/clock.ts";
import { MoaError } from "#common/kernel/errors.ts";
import type { Tools } from "./work.ts";

/**
 * Calls again, with back-off, while the error's outcome is `retry` and `wanted` says so; then the last error is thrown.
 * `fenced` is never tried again: a newer owner does this work.
 */
export async function retryWhile<T>(
  { clock, random }: Pick<Tools, "clock" | "random">,
  wanted: () => boolean,
  call: () => Promise<T>,
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      const again = error instanceof MoaError && error.outcome === "retry" && error.code !== "fenced";
      if (!again || !wanted()) throw error;
      await pause(clock, backoffMs(attempt, random));
    }
  }
}
