/**
 * A chat-log row on its way through Redis: one JSON array per line, fields by place, so that 2,000 rows do not carry
 * 34,000 field names. Every field's type is checked on the way back: what reaches the SQL text as a number is one.
 *
 *   [1, channel, user, room, sender, message, directive, type, flags, bot, logId, clientAtMs, serverAtMs,
 *       answeredAtMs, answer, answer, ...]
 *
 * What the bot answered to a line goes with it: place, bot and kind of room are the same, and the pair is half the bytes
 * of two rows.
 */
import { MoaError } from "#common/kernel/errors.ts";
import type { ChatLogRow } from "./stores.ts";

const VERSION = 1;
/** Of the line's own row. */
const FIELDS = 13;
/** Append-only: the place is what is stored. */
const TYPES = ["normal", "command", "auto_replay", "scheduled"] as const satisfies readonly ChatLogRow["messageType"][];
export interface Answers {
  readonly atMs: number;
  readonly messages: readonly string[];
}

/** One line without LF: JSON escapes it. */
export function encodeRow(row: ChatLogRow, answers?: Answers): string {
  const fields = [
    VERSION,
    row.channelId,
    row.userHash,
    row.roomName,
    row.sender,
    row.message,
    row.directive,
    TYPES.indexOf(row.messageType),
    flagsOf(row),
    row.botName,
    row.logId,
    row.clientAtMs,
    row.serverAtMs,
  ];
  if (answers !== undefined) fields.push(answers.atMs, ...answers.messages);
  return JSON.stringify(fields);
}

/** By place: append-only, as the places are what is stored. */
function flagsOf(row: ChatLogRow): number {
  return (
    (row.isMeaningful ? 1 : 0) |
    (row.isMention ? 2 : 0) |
    (row.isGroupChat ? 4 : 0) |
    (row.isBot ? 8 : 0) |
    (row.isOurBotResponse ? 16 : 0) |
    (row.isScheduled ? 32 : 0)
  );
}

/** The line's own row, then one for each answer. @throws MoaError contract_unreadable */
export function decodeRows(line: string): readonly ChatLogRow[] {
  const at = parse(line);
  const row = rowAt(at);
  if (at.length <= FIELDS) return [row];
  const answeredAtMs = number(at, FIELDS);
  const answers = Array.from({ length: at.length - FIELDS - 1 }, (_, i) =>
    answerTo(row, text(at, FIELDS + 1 + i), answeredAtMs),
  );
  return [row, ...answers];
}

/** The row of what we said to a line: an automatic reply's is told from others, on both sides (sic: the original's word). */
export function answerTo(row: ChatLogRow, message: string, serverAtMs: number): ChatLogRow {
  return {
    ...row,
    // The column is NOT NULL and a bot has no user hash: its name tells its lines apart.
    userHash: row.botName,
    sender: row.botName,
    message,
    directive: null,
    messageType: row.messageType === "auto_replay" ? "auto_replay" : "normal",
    isMeaningful: false,
    isMention: false,
    logId: null,
    clientAtMs: null,
    serverAtMs,
    isBot: true,
    isOurBotResponse: true,
  };
}

function rowAt(at: readonly unknown[]): ChatLogRow {
  const messageType = TYPES[number(at, 7)];
  if (messageType === undefined) throw unreadable(7);
  const flags = number(at, 8);
  return {
    channelId: text(at, 1),
    userHash: text(at, 2),
    roomName: orNull(at, 3, text),
    sender: orNull(at, 4, text),
    message: text(at, 5),
    directive: orNull(at, 6, text),
    messageType,
    isMeaningful: (flags & 1) !== 0,
    isMention: (flags & 2) !== 0,
    isGroupChat: (flags & 4) !== 0,
    isBot: (flags & 8) !== 0,
    isOurBotResponse: (flags & 16) !== 0,
    isScheduled: (flags & 32) !== 0,
    botName: text(at, 9),
    logId: orNull(at, 10, text),
    clientAtMs: orNull(at, 11, number),
    serverAtMs: number(at, 12),
  };
}

function parse(line: string): readonly unknown[] {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new MoaError("contract_unreadable", "row is not JSON", { cause });
  }
  if (!Array.isArray(value) || value[0] !== VERSION) {
    throw new MoaError("contract_unreadable", `row is not an array of version ${VERSION}`);
  }
  return value;
}

function text(at: readonly unknown[], place: number): string {
  const value = at[place];
  if (typeof value !== "string") throw unreadable(place);
  return value;
}

function number(at: readonly unknown[], place: number): number {
  const value = at[place];
  if (typeof value !== "number") throw unreadable(place);
  return value;
}

function orNull<T>(
  at: readonly unknown[],
  place: number,
  read: (at: readonly unknown[], place: number) => T,
): T | null {
  return at[place] === null ? null : read(at, place);
}

function unreadable(place: number): MoaError {
  return new MoaError("contract_unreadable", `field ${place} of a row has another type`);
}
