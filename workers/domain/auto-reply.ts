/**
 * Automatic replies: of a room's rules, in their order, the first whose trigger the line begins with answers.
 *
 *   reply     said, with its placeholders filled, whether there is a command or not
 *   command   a whole line, as `# echo 안녕`, run as if it had been said; where it needs a prompt and the rule gives none,
 *             what was said is its prompt
 *
 * A rule with neither a reply nor a command that exists is passed over: the original swallowed such lines, left out
 * replies without a command, and filled no time.
 */
import type { ChatEvent } from "#common/contract/envelope.ts";
import type { Command } from "./command.ts";
import type { Reply } from "./decision.ts";
import { koreanDate, koreanTime } from "./korean-clock.ts";
import { findCommand, type ParsedCommand, parseLine } from "./parse.ts";

export interface Trigger {
  /** Of a longer line its first `triggerTextCharsMax` characters are looked at; its end is then not seen. */
  matches(text: string): boolean;
}

export interface AutoReply {
  readonly trigger: Trigger;
  /** Empty: nothing is said but by the command. */
  readonly reply: string;
  readonly command: string | null;
}

export interface AutoAnswer {
  /** What is said before what the command says. */
  readonly opening: readonly Reply[];
  readonly parsed: ParsedCommand | null;
}

export function autoAnswer(
  rules: readonly AutoReply[],
  event: ChatEvent,
  commands: readonly Command[],
): AutoAnswer | null {
  for (const { trigger, reply, command } of rules) {
    if (!trigger.matches(event.text)) continue;
    const parsed = command === null ? null : commandOf(command, event, commands);
    if (parsed === null && reply === "") continue;
    return { opening: reply === "" ? [] : [{ kind: "text", text: filled(reply, event) }], parsed };
  }
  return null;
}

function commandOf(line: string, { text, channel }: ChatEvent, commands: readonly Command[]): ParsedCommand | null {
  if (findCommand(line, commands) === undefined) return null;
  const alone = parseLine(line, channel, commands);
  const parsed = alone.kind === "refused" ? parseLine(`${line} ${text}`, channel, commands) : alone;
  return parsed.kind === "command" ? parsed : null;
}

/** In one pass: a user may be called `{{DATE}}`. */
function filled(reply: string, { sender, receivedAt }: ChatEvent): string {
  return reply.replace(/\{\{(USERNAME|TIME|DATE)\}\}/g, (_, name: string) => {
    if (name === "USERNAME") return sender;
    return name === "TIME" ? koreanTime(receivedAt) : koreanDate(receivedAt);
  });
}
