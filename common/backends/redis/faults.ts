/** What Redis or its connection said, in our words. */
import { MoaError } from "#common/kernel/errors.ts";
import { REDIS_REFUSALS } from "#common/observe/redis-metrics.ts";

const CONNECTION =
  /^(connection is closed|stream isn't writeable|reached the max retries|not connected|read E|write E|connect E)/i;

export type RedisFault = "timeout" | "connection" | "other" | (typeof REDIS_REFUSALS)[number];

export function faultOf(error: Error): RedisFault {
  const reply = REDIS_REFUSALS.find((code) => error.message.startsWith(code));
  if (reply) return reply;
  if (/timed out|took longer/.test(error.message)) return "timeout";
  return CONNECTION.test(error.message) || "syscall" in error ? "connection" : "other";
}

/**
 * The driver's error is not kept as cause: it carries the arguments of the command, which are chat text. For the same
 * reason the words are cut where Redis quotes them.
 */
export function unavailable(what: string, error: Error): MoaError {
  return new MoaError(
    "redis_unavailable",
    `${what}: ${error.message.split(/, with args| \(sample/)[0]?.slice(0, 200)}`,
  );
}
