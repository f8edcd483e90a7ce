/**
 * A line of chat to a command with its prompt and parameters, by the original's rules: the directive is what the text
 * starts with, case sensitive, nothing need follow it; `--name=value` may stand anywhere, without spaces or quotes, the
 * last one wins, and all of them are taken out of the prompt; unknown names are ignored.
 */
import type { ChatEvent } from "#common/contract/envelope.ts";
import { seededRandom } from "#common/kernel/random.ts";
import type { Command } from "./command.ts";
import type { Turn } from "./decision.ts";
import { texts } from "./texts.ts";

export type Parsed =
  | { readonly kind: "talk" }
  | { readonly kind: "elsewhere"; readonly command: Command }
  | { readonly kind: "refused"; readonly command: Command; readonly answer: string }
  | ParsedCommand;

export interface ParsedCommand {
  readonly kind: "command";
  readonly command: Command;
  readonly prompt: string;
  readonly parameters: Readonly<Record<string, string | number>>;
}

const PARAMETER = /--([a-zA-Z0-9-]+)=(\S+)/g;
/** Known to every command: a line meant for another room is passed over in silence. */
const CHANNEL_PARAMETER = "channel-id";

/** The longest directive that the text starts with. */
export function findCommand(text: string, commands: readonly Command[]): Command | undefined {
  let best: Command | undefined;
  for (const command of commands) {
    if (text.startsWith(command.directive) && command.directive.length > (best?.directive.length ?? 0)) best = command;
  }
  return best;
}

export function parseLine(text: string, channel: string, commands: readonly Command[]): Parsed {
  const command = findCommand(text, commands);
  if (command === undefined) return { kind: "talk" };
  const rest = text.slice(command.directive.length);
  const given = new Map<string, string>();
  const prompt = rest.includes("--") ? takeParameters(rest, given) : rest.trim();
  const target = given.get(CHANNEL_PARAMETER);
  if (target !== undefined && target !== channel) return { kind: "elsewhere", command };
  const parameters: Record<string, string | number> = {};
  for (const [name, spec] of Object.entries(command.parameters)) {
    const value = given.get(name) ?? spec.default;
    if (value === undefined) {
      if (spec.required) return { kind: "refused", command, answer: texts.parameterMissing(name) };
      continue;
    }
    if (spec.type === "string") parameters[name] = String(value);
    else if (/^-?\d{1,15}$/.test(String(value))) parameters[name] = Number(value);
    else return { kind: "refused", command, answer: texts.parameterNotInt(name, String(value)) };
  }
  if (command.promptRequired && prompt === "")
    return { kind: "refused", command, answer: texts.usage(command.directive) };
  return { kind: "command", command, prompt, parameters };
}

/** What is left of the text. */
function takeParameters(text: string, given: Map<string, string>): string {
  const without = text.replace(PARAMETER, (_, name: string, value: string) => {
    given.set(name, value);
    return "";
  });
  return without.trim();
}

/** Everything the command may know, frozen; now and chance derive from the event, so that a re-run decides the same. */
export function turnOf(event: ChatEvent, parsed: ParsedCommand): Turn {
  return Object.freeze({
    event: Object.freeze(event),
    nowMs: event.receivedAt,
    random: seededRandom(Number.parseInt(event.id.slice(0, 8), 16)),
    directive: parsed.command.directive,
    prompt: parsed.prompt,
    parameters: Object.freeze(parsed.parameters),
  });
}
