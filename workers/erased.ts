/** Whom an erasure is about, and what it came to. */
import { hash } from "node:crypto";
import type { Actor } from "#common/ports/administration.ts";

/** `user` is a user hash, `room` a channel id; of every bot. */
export type Erased = { readonly user: string } | { readonly room: string };

export interface ErasureAsked {
  readonly what: Erased;
  readonly by: Actor;
  /** Breaks it off. */
  readonly signal: AbortSignal;
}

/** Rows by table; `parked` is events in Redis. */
export type ErasedRows = Readonly<Record<string, number>>;

/** Sentences for the operator: whoever asked to be forgotten is owed them. */
export const notErased: readonly string[] = [
  "Backups and the server's binary logs, until they are past their own days.",
  "Redis' append-only file, until it is written anew (BGREWRITEAOF).",
  "Answers that wait in a bot's outbox in Redis: at most 12 minutes from now on, whether their phone comes or not.",
  "Actions that wait for an operator's decision (moa held).",
  "Answers to a user's lines that came without a log id, for the week that closed outbox rows are kept.",
  "What others said about the user, and the names in kb_rooms.room_owners.",
  "Tables that moa does not write.",
];

/** Stands in the audit: enough to find an erasure by an id that is at hand, too little to find the id. */
export function digestOf(what: Erased): string {
  const id = "user" in what ? what.user : what.room;
  return `sha256 ${hash("sha256", id, "hex").slice(0, 6)}`;
}
