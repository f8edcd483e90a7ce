/**
 * JSON lines on stdout. Every line has a `tag` in the original's sense (STARTUP SERVER CLIENT MSG DB CONFIG ECHO PING
 * SHUTDOWN, plus ours), so that an operator can filter as before. What identifies people or proves who they are is
 * removed by name as a second line of defence; the first is not to log it.
 */
import { type Logger, pino } from "pino";

export type Log = Pick<Logger, "debug" | "info" | "warn" | "error" | "child">;

export const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const SECRET = ["auth", "signature", "password", "key", "salt", "text", "sender", "userHash", "frame"];

/** @param pod name of the pod, on every line */
export function createLogger(pod: string, level: LogLevel): Logger {
  return pino({
    level,
    base: { pod },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: [...SECRET, ...SECRET.map((name) => `*.${name}`)], censor: "[removed]" },
  });
}
