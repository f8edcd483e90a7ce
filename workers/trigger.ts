/**
 * The trigger of an automatic reply: a regular expression that a line must begin with, whatever the case of its letters.
 * Operators write them, and whoever talks in a room feeds them, so that none may take longer than its text is long.
 * JavaScript's own expressions go back and try again: `(a|a)*b` on thirty letters stops a worker for minutes. RE2's
 * language has no going back, and refuses what would need it (`\1`, `(?=...)`). Its `\w` and `\d` are of ASCII alone:
 * `\p{L}` or `[가-힣]` are letters of other scripts.
 */
import { RE2JS } from "re2js";
import { limits } from "#common/contract/limits.ts";
import { MoaError } from "#common/kernel/errors.ts";
import type { Trigger } from "./domain/auto-reply.ts";

/** @throws MoaError asked_wrongly, saying what is wrong */
export function compileTrigger(source: string): Trigger {
  if (source === "") throw new MoaError("asked_wrongly", "the trigger is empty");
  if (source.length > limits.triggerCharsMax)
    throw new MoaError("asked_wrongly", `the trigger is longer than ${limits.triggerCharsMax} characters`);
  const compiled = compiledOf(source);
  const seen = (text: string) => (text.length > SEEN_MAX ? `${text.slice(0, SEEN_MAX)}${NO_END}` : text);
  return { matches: (text) => compiled.matcher(seen(text)).lookingAt() };
}

const SEEN_MAX = limits.triggerTextCharsMax;
/** Nobody says it, and what stands before it is no end. */
const NO_END = "\0";

function compiledOf(source: string): RE2JS {
  try {
    return RE2JS.compile(source, RE2JS.CASE_INSENSITIVE);
  } catch (cause) {
    throw new MoaError("asked_wrongly", `the trigger cannot be read: ${(cause as Error).message}`, { cause });
  }
}
