/**
 * JSON lines on stdout. Every line has a `tag` in the original's sense (STARTUP SERVER CLIENT MSG DB CONFIG ECHO PING
 * SHUTDOWN, plus ours), so that an operator can filter as before. What identifies people or proves who they are is
 * removed by name as a second line of defence; the first is not to log it.
 *
 * No file of its own: a container's stdout is kept and rotated by what runs the container, and a stack on one's own
 * machine does it for its pods (scripts/stack/log-file.ts).
 */
import { type Logger, pino } from "pino";

export type Log = Pick<Logger, "debug" | "info" | "warn" | "error" | "child">;

export const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A pod's own; it rules what its children let through as well. */
export interface PodLog extends Log {
  setLevel(level: LogLevel): void;
  readonly leastLevel: () => LogLevel;
}

const SECRETS = ["auth", "signature", "password", "key", "salt", "token", "macAddress"];
const PEOPLE = ["text", "sender", "userHash", "phone", "phoneNumber", "frame"];
/** On Android the device's id is often the phone's own: its end is enough to find it in the list of devices. */
const DEVICES = ["device", "deviceId", "deviceID", "deviceUUID", "refusedDevice"];
const REMOVED = [...SECRETS, ...PEOPLE, ...DEVICES];

/** @param pod name of the pod, on every line */
export function createLogger(pod: string, level: LogLevel): PodLog {
  let least = level;
  let leastNumber = numberOf(level);
  const logger = pino({
    level: "debug",
    base: { pod },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: [...REMOVED, ...REMOVED.map((name) => `*.${name}`)], censor },
    serializers: { err: plainError },
    hooks: {
      // Not pino's own level: a child copies it when it is made, and would keep it when ours is changed.
      logMethod(line, write, number) {
        if (number >= leastNumber) write.apply(this, line);
      },
    },
  });
  return Object.assign(logger, {
    setLevel: (to: LogLevel) => {
      least = to;
      leastNumber = numberOf(to);
    },
    leastLevel: () => least,
  });
}

function numberOf(level: LogLevel): number {
  return pino.levels.values[level] ?? Number.POSITIVE_INFINITY;
}

function censor(value: unknown, path: string[]): string {
  const isDevice = DEVICES.includes(path.at(-1) ?? "") && typeof value === "string" && value.length > 8;
  return isDevice ? `…${value.slice(-4)}` : "[removed]";
}

/** Drivers hang what they were doing on their errors: a statement with its values, a command with its arguments. */
function plainError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { type, message, stack, code } = pino.stdSerializers.err(error);
  return { type, message, stack, ...(code === undefined ? {} : { code }) };
}
