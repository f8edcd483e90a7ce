/**
 * What a command is given and what it may want. A command cannot act: it returns a decision, and the commit step
 * carries it out. The same turn gives the same decision, whenever it is run again.
 */
import type { ChatEvent, MediaAction } from "#common/contract/envelope.ts";
import type { Random } from "#common/kernel/random.ts";

/** Everything that a command may know of the moment it runs in. Frozen. */
export interface Turn {
  readonly event: ChatEvent;
  /** When the gateway had the line. The only "now" of a turn. */
  readonly nowMs: number;
  /** Seeded by the event. */
  readonly random: Random;
  /** What stands before the arguments, e.g. `# echo`. */
  readonly directive: string;
  /** The text after the directive, without parameters. */
  readonly prompt: string;
  /** Parsed and checked parameters, by name. */
  readonly parameters: Readonly<Record<string, string | number>>;
}

export type Reply =
  | { readonly kind: "text"; readonly text: string }
  | Pick<MediaAction, "kind" | "media" | "items" | "waitMs">;

/** A change of what MySQL keeps. `kind` selects its applier in workers/stores; `data` is what that applier documents. */
export interface Change {
  readonly kind: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface Decision {
  readonly replies: readonly Reply[];
  /** Made in one MySQL transaction, together with the replies' outbox rows. Empty for most commands. */
  readonly changes: readonly Change[];
}

export function say(...texts: readonly string[]): Decision {
  return { replies: texts.map((text) => ({ kind: "text", text })), changes: [] };
}

export const NOTHING: Decision = { replies: [], changes: [] };
