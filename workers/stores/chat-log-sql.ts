/**
 * Chat-log rows as the text of an INSERT. Text rather than placeholders, because at thousands of rows a second looking
 * for placeholders costs more than escaping (limits: 15 % of a worker). What makes it safe: the connection's sql_mode
 * keeps backslash escapes on and ANSI quotes off, its charset is utf8mb4 (no byte of a character looks like a quote),
 * every string goes through the driver's escape, every number was checked to be one when its row was decoded.
 *
 * Nearly all rows take a shorter way, at half the CPU: under that sql_mode a JSON string is a literal of MySQL's as well,
 * with the same meaning, if its escapes are among the seven that both know. Such a row is cut out of its line as it stands:
 *
 *   [1,"channel","user","room",null,"text",null,0,4,"bot",...]
 *      `----------------- said ----------------'   -> ("channel","user","room",null,"text",null,'normal',0,"bot",...)
 *
 * It is no less safe: the line must match from its first character to its last, so that whoever can write to Redis can
 * write a row and no SQL. Whatever does not match, and what may be too long for its column, goes the long way.
 *
 * Strings are cut to their column at a whole character: a name of 300 letters must not stop the row writer.
 */
import { hash } from "node:crypto";
import { escape as quoted } from "mysql2";
import { decodeRows } from "#workers/domain/chat-log-row.ts";
import { KOREA_MS } from "#workers/domain/korean-clock.ts";
import type { ChatLogRow } from "#workers/domain/stores.ts";

export const CHAT_LOG_INSERT =
  "INSERT INTO kb_chat_logs (channel_id,user_hash,room_name,sender,message,directive,message_type,is_meaningful,bot_name," +
  "is_mention,is_group_chat,log_id,client_timestamp,server_timestamp,is_bot,is_our_bot_response,is_scheduled) VALUES ";

/** Of one statement, UTF-16 units: below 1 MiB, the smallest max_allowed_packet in use, whatever the letters. */
export const INSERT_CHARS_MAX = 300_000;
/** Our own answers may be longer than a phone's line; longer than this none is kept whole. Escaping may double it. */
const MESSAGE_CHARS_MAX = 150_000;

// Not the end of the literal, not the begin of an escape, nothing that JSON would not let stand there.
const PLAIN = String.raw`[^"\\\x00-\x1f]`;
/** In UTF-16 units, of which there are never fewer than characters. Names with escapes are too rare to be looked for. */
const upTo = (charsMax: number) => `"${PLAIN}{0,${charsMax}}"`;
const TEXT = String.raw`"${PLAIN}*(?:\\["\\/bnrt]${PLAIN}*)*"`;
const MS = String.raw`\d{1,15}`;
const SAID = `((${upTo(50)}),${upTo(100)},(${upTo(255)}|null),(?:${upTo(100)}|null),${TEXT},(?:${upTo(30)}|null))`;
const KIND = String.raw`([0-3]),(\d{1,2}),(${upTo(30)}),(${upTo(50)}|null)`;
const LINE = new RegExp(String.raw`^\[1,${SAID},${KIND},(${MS}|null),(${MS})(?:,(${MS}),(${TEXT}))?\]$`);

/** By a line's flags: what stands between the strings and times of its own row and of an answer's. */
const FLAGGED = Array.from({ length: 100 }, (_, flags) => {
  const flag = (bit: number) => (flags >> bit) & 1;
  return {
    types: ["normal", "command", "auto_replay", "scheduled"].map((type) => `,'${type}',${flag(0)},`),
    mention: `,${flag(1)},${flag(2)},`,
    end: `,${flag(3)},${flag(4)},${flag(5)})`,
    answer: `,0,${flag(2)},NULL,NULL,`,
    answerEnd: `,1,1,${flag(5)})`,
  };
});

/** By the type of the line that is answered, as `answerTo` has it. */
const ANSWER_TYPES = ["normal", "normal", "auto_replay", "normal"];

export interface ChatLogTuples {
  /** Of the line's own row and of each answer in it. */
  readonly tuples: readonly string[];
  /** When the line was said, epoch ms. */
  readonly saidAtMs: number;
}

/** @throws MoaError contract_unreadable */
export function chatLogTuples(line: string): ChatLogTuples {
  const found = line.length <= MESSAGE_CHARS_MAX ? LINE.exec(line) : null;
  if (found === null) {
    const rows = decodeRows(line);
    return { tuples: rows.map(chatLogTuple), saidAtMs: rows[0]?.serverAtMs ?? 0 };
  }
  const [, said, channel, room, type, flags, bot, logId, clientAt, serverAt, answeredAt, answer] = found;
  const { types, mention, end, answer: answerKind, answerEnd } = FLAGGED[Number(flags)] as (typeof FLAGGED)[number];
  const client = clientAt === "null" ? "NULL" : koreanTime(Number(clientAt));
  const saidAtMs = Number(serverAt);
  const own = `(${said}${types[Number(type)]}${bot}${mention}${logId},${client},${koreanTime(saidAtMs)}${end}`;
  if (answer === undefined) return { tuples: [own], saidAtMs };
  const at = koreanTime(Number(answeredAt));
  const answeredType = ANSWER_TYPES[Number(type)];
  const answered = `(${channel},${bot},${room},${bot},${answer},NULL,'${answeredType}',0,${bot}${answerKind}${at}${answerEnd}`;
  return { tuples: [own, answered], saidAtMs };
}

export function chatLogTuple(row: ChatLogRow): string {
  const place = `${text(row.channelId, 50)},${text(row.userHash, 100)},${text(row.roomName, 255)}`;
  const said = `${text(row.sender, 100)},${text(row.message, MESSAGE_CHARS_MAX)},${text(row.directive, 30)}`;
  const kind = `${text(row.messageType, 20)},${flag(row.isMeaningful)},${text(row.botName, 30)},${flag(row.isMention)}`;
  const clientAt = row.clientAtMs === null ? "NULL" : koreanTime(row.clientAtMs);
  const when = `${flag(row.isGroupChat)},${text(row.logId, 50)},${clientAt},${koreanTime(row.serverAtMs)}`;
  return `(${place},${said},${kind},${when},${flag(row.isBot)},${flag(row.isOurBotResponse)},${flag(row.isScheduled)})`;
}

/** The lines of one sender in one room and second, as a condition: those of `idx_channel_user_time`. */
export function chatLogPlace(row: ChatLogRow): string {
  const place = `channel_id=${text(row.channelId, 50)} AND user_hash=${text(row.userHash, 100)}`;
  return `${place} AND server_timestamp<=>${koreanTime(row.serverAtMs)}`;
}

/** What tells a line from others of its place, to the byte; `chatLogMark` gives the same. Bots that share a room hear the same. */
export const CHAT_LOG_MARK = "SHA1(CONCAT_WS('\\n',bot_name,IFNULL(log_id,''),IFNULL(client_timestamp,''),message))";

export function chatLogMark(row: ChatLogRow): string {
  const [bot, logId] = [cut(row.botName, 30), cut(row.logId ?? "", 50)];
  const clientAt = row.clientAtMs === null ? "NULL" : koreanTime(row.clientAtMs);
  const said = cut(row.message, MESSAGE_CHARS_MAX);
  return hash("sha1", `${bot}\n${logId}\n${clientAt === "NULL" ? "" : clientAt.slice(1, -1)}\n${said}`);
}

function text(value: string | null, charsMax: number): string {
  return value === null ? "NULL" : quoted(cut(value, charsMax));
}

/** MySQL counts code points. */
function cut(value: string, charsMax: number): string {
  if (value.length <= charsMax) return value;
  let end = 0;
  for (let chars = 0; chars < charsMax && end < value.length; chars++)
    end += (value.codePointAt(end) ?? 0) > 0xffff ? 2 : 1;
  return value.slice(0, end);
}

function flag(value: boolean): string {
  return value ? "1" : "0";
}

/** DATETIME's own range, in Korea. */
const FIRST_MS = Date.UTC(1000, 0, 1) - KOREA_MS;
const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59) - KOREA_MS;

/** Phones' clocks and ours come in turn, and few seconds of either at a time. */
const KNOWN_MAX = 128;
const known = new Map<number, string>();

/** Wall clock of Asia/Seoul (no daylight saving since 1988), as the original wrote it. Out of range: NULL. */
function koreanTime(ms: number): string {
  if (!(ms >= FIRST_MS && ms <= LAST_MS)) return "NULL";
  const second = Math.floor(ms / 1_000);
  let text = known.get(second);
  if (text === undefined) {
    if (known.size >= KNOWN_MAX) known.clear();
    text = `'${new Date(second * 1_000 + KOREA_MS).toISOString().slice(0, 19).replace("T", " ")}'`;
    known.set(second, text);
  }
  return text;
}
