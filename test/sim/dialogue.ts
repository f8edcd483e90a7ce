/** What phones say in the simulation, by kind, and what comes back. */
import { decodeAction, encodeAction } from "#common/contract/codec.ts";
import { echo } from "#workers/commands/echo/index.ts";
import type { Command } from "#workers/domain/command.ts";
import type { Reply } from "#workers/domain/decision.ts";

export const KINDS = ["talk", "echo", "book", "picture", "chatter", "money"] as const;
export type Kind = (typeof KINDS)[number];

/** A line that a phone sent. */
export interface Told {
  readonly bot: string;
  readonly room: string;
  readonly kind: Kind;
  readonly name: string;
  readonly text: string;
}

export function lineOf(kind: Kind, name: string): string {
  return kind === "talk" ? name : `# ${kind} ${name}`;
}

/** As a phone shows it; null of what is not answered. */
export function answerTo({ kind, name }: Pick<Told, "kind" | "name">): string | null {
  if (kind === "talk") return null;
  return kind === "echo" ? `에코: ${name}` : `${kind} ${name}`;
}

/** The name of the line that an answer is of. */
export function nameIn(answer: string): string {
  return answer.replace(/^(에코:|\w+) /, "");
}

const PICTURE = "IMAGE_BASE64:";

/** A frame's text as a person sees it. */
export function seen(text: string): string {
  return text.startsWith(PICTURE) ? atob(text.slice(PICTURE.length)) : text;
}

export function isPicture(text: string): boolean {
  return text.startsWith(PICTURE);
}

function command(name: Kind, replies: (prompt: string) => readonly Reply[], changes = false): Command {
  return {
    name,
    directive: `# ${name}`,
    help: "",
    promptRequired: true,
    parameters: {},
    run: ({ prompt }) => ({ replies: replies(prompt), changes: changes ? [{ kind: "booking", data: {} }] : [] }),
  };
}

/** `book` and `money` change what MySQL keeps: the effect must be there once, and the answer asks for a receipt. */
export const COMMANDS: readonly Command[] = [
  echo,
  command("book", (prompt) => [{ kind: "text", text: `book ${prompt}` }], true),
  command("money", (prompt) => [{ kind: "text", text: `money ${prompt}` }], true),
  command("chatter", (prompt) => [{ kind: "text", text: `chatter ${prompt}` }]),
  command("picture", (prompt) => [
    { kind: "media", media: "image", items: [{ form: "base64", value: btoa(`picture ${prompt}`) }] },
  ]),
];

/** No command of the product says yet what is to be done with its answer in doubt. */
export function classed(encoded: string): string {
  const action = decodeAction(encoded);
  if (action.kind !== "text") return encoded;
  if (action.text.startsWith("chatter ")) return encodeAction({ ...action, inDoubt: "drop" });
  return action.text.startsWith("money ") ? encodeAction({ ...action, inDoubt: "hold" }) : encoded;
}
