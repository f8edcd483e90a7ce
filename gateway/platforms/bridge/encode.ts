/**
 * Actions to the frames that a dialect shows. Texts go by `room` (the phone sends by the room's name), media by
 * `channel_id`. No phone confirms anything, and none has a limit that it would tell of.
 *
 * Fields that phones ignore: `action_id` (tells two equal texts apart in a capture) and `resent` (may have been shown
 * before); `moa_epoch` and `moa_written_at` where tests want them. Frames of `plain` carry neither id nor bot: the first
 * protocol promised exactly room, text and channel_id, and its clients are the ones that nobody can look into any more.
 * `resent` is on them too: it is there for people.
 */
import type { MediaAction, MediaItem, OutboundAction, TextAction } from "#common/contract/envelope.ts";
import { limits } from "#common/contract/limits.ts";
import type { EncodeOptions } from "../platform.ts";
import type { Dialect } from "./dialect.ts";
import { marked } from "./token.ts";

const MEDIA_FRAME_CHARS = 2 * 1024 * 1024;
const WAIT_MS = { least: 1_000, most: 30_000 };
/** A phone gives each download 30 s to connect and 30 s to read, and around each sharing 1.2 s to go home and tidy up. */
const DOWNLOAD_MS = 60_000;
const AROUND_SHARE_MS = 1_200;
/** The original's words, which its operators look for in a phone's log. */
const WELCOMES: Readonly<Record<string, string>> = {
  approved: "승인된 디바이스입니다",
  pending: "승인 대기 중인 디바이스입니다",
};

export function encodeAction(dialect: Dialect, action: OutboundAction, options: EncodeOptions): Buffer[] {
  if (action.kind === "media")
    return groupsOf(action, dialect).map((group) => mediaFrame({ dialect, action, options }, group));
  return partsOf(action.text).map((part) => textFrame({ dialect, action, options }, part));
}

/** Worst case of what media keep a phone's receive thread from reading, ms. Texts take no time worth a deadline. */
export function busyMs(dialect: Dialect, action: OutboundAction): number {
  if (action.kind === "text") return 0;
  const groups = groupsOf(action, dialect);
  return groups.reduce((sum, group) => sum + shareMs(group, action.waitMs) + AROUND_SHARE_MS + downloadsMs(group), 0);
}

/** Never `success: false`: the phone would close and dial again every four seconds. */
export function encodeWelcome(nowMs: number, status: string): Buffer {
  return jsonLine("handshakeComplete", {
    success: true,
    approved: status === "approved",
    message: WELCOMES[status] ?? `접근이 차단된 디바이스입니다 (${status})`,
    server_version: "1.0.0",
    timestamp: isoTime(nowMs),
    timezone: "Asia/Seoul",
    message_positions: [0, 0],
  });
}

/** The same for every dialect: a bare JSON line is the one thing that all of them read. */
export function encodePing(bot: string, token: string): Buffer {
  const server_timestamp = marked(token);
  return jsonLine("ping", {
    bot_name: bot,
    channel_id: "ping",
    room: "PING",
    user_hash: "system",
    server_timestamp,
    text: "",
  });
}

/** @param echo what decode kept of the peer's ping */
export function encodePong(bot: string, echo: unknown): Buffer {
  return jsonLine("ping", { bot_name: bot, ...(echo as Record<string, unknown>) });
}

interface Framing<A extends OutboundAction> {
  readonly dialect: Dialect;
  readonly action: A;
  readonly options: EncodeOptions;
}

function textFrame({ dialect, action, options }: Framing<TextAction>, text: string): Buffer {
  if (dialect !== "positions")
    return jsonLine("messageResponse", { ...address(dialect, action), text, ...label(options) });
  const raw = Buffer.from(text).toString("base64");
  const kind = { message_type: "text", content_encoding: "base64", message_positions: [0, raw.length] };
  return jsonLine(
    "messageResponse",
    { ...address(dialect, action), ...kind, timestamp: isoTime(options.nowMs), ...label(options) },
    raw,
  );
}

function mediaFrame({ dialect, action, options }: Framing<MediaAction>, group: readonly string[]): Buffer {
  const wait =
    action.waitMs === undefined ? {} : { media_wait_time: clamp(action.waitMs, WAIT_MS.least, WAIT_MS.most) };
  if (dialect !== "positions") {
    const prefix = isUrl(group[0] as string) ? "MEDIA_URL:" : "IMAGE_BASE64:";
    const text = prefix + group.join("|||");
    return jsonLine("messageResponse", { ...address(dialect, action), text, ...wait, ...label(options) });
  }
  // Offsets are UTF-16 units, as the phone's substring counts, not bytes.
  const message_positions = [0];
  for (const item of group) message_positions.push((message_positions.at(-1) as number) + item.length);
  const kind = { message_type: action.media, content_encoding: "base64", message_positions, ...wait };
  const data = { ...address(dialect, action), ...kind, timestamp: isoTime(options.nowMs), ...label(options) };
  return jsonLine("messageResponse", data, group.join(""));
}

function address(dialect: Dialect, action: OutboundAction): Record<string, unknown> {
  const where = { room: action.room, channel_id: action.channel };
  return dialect === "plain" ? where : { ...where, bot_name: action.bot, action_id: action.id };
}

function label({ resent, mark }: EncodeOptions): Record<string, unknown> {
  const label = resent ? { resent: true } : {};
  return mark === undefined ? label : { ...label, moa_epoch: mark.epoch, moa_written_at: mark.at };
}

/** @param raw without CR, LF or `}`: the phone takes the line's last `}` for the end of the JSON */
function jsonLine(event: string, data: Record<string, unknown>, raw = ""): Buffer {
  return Buffer.from(`${JSON.stringify({ event, data })}${raw}\n`);
}

/** Pieces of at most `textCharsMax` UTF-16 units, none ending within a surrogate pair. None for an empty text. */
function partsOf(text: string): string[] {
  const parts: string[] = [];
  let start = 0;
  while (start < text.length) {
    let end = Math.min(start + limits.textCharsMax, text.length);
    if (end < text.length && isHighSurrogate(text.charCodeAt(end - 1))) end--;
    parts.push(text.slice(start, end));
    start = end;
  }
  return parts;
}

/** What a phone can show, in order, cut into frames: a legacy frame holds one form of item, and no frame grows too large. */
function groupsOf(action: MediaAction, dialect: Dialect): string[][] {
  const groups: string[][] = [];
  let chars = 0;
  for (const item of action.items) {
    const value = showable(item, action.media);
    if (value === null) continue;
    const group = groups.at(-1);
    const mixed = dialect !== "positions" && group?.[0] !== undefined && isUrl(group[0]) !== isUrl(value);
    if (group === undefined || mixed || chars + value.length > MEDIA_FRAME_CHARS) {
      groups.push([value]);
      chars = value.length;
    } else {
      group.push(value);
      chars += value.length;
    }
  }
  return groups;
}

/**
 * Phones save every base64 item as a PNG, so only images can be sent so; an item that is neither base64 nor a URL would
 * be taken for a path on the phone. A URL loses what would end the JSON, the line or the item.
 */
function showable(item: MediaItem, media: MediaAction["media"]): string | null {
  if (item.form === "url") return isUrl(item.value) ? item.value.replace(/[\s{}|]/g, encodeURIComponent) : null;
  const packed = item.value.replace(/\s+/g, "");
  return media === "image" && /^[A-Za-z0-9+/]+={0,2}$/.test(packed) ? packed : null;
}

function isUrl(value: string): boolean {
  return /^https?:\/\//i.test(value);
}

/** The longer of what we ask for and the phone's own rule: phones before 3.2.1 do not read `media_wait_time`. */
function shareMs(group: readonly string[], waitMs = 0): number {
  const megabytes = group.reduce((sum, item) => sum + (isUrl(item) ? 0 : item.length * 0.75), 0) / 1_048_576;
  const base = 1_500 + megabytes * 2_000;
  const own = group.length === 1 ? clamp(base, 4_000, 6_000) : clamp(base + (group.length - 1) * 300, 3_000, 15_000);
  return Math.ceil(Math.max(own, Math.min(waitMs, WAIT_MS.most)));
}

function downloadsMs(group: readonly string[]): number {
  return group.filter(isUrl).length * DOWNLOAD_MS;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}

/** As Python's isoformat writes it: what the phones have always been sent. */
function isoTime(ms: number): string {
  return new Date(ms).toISOString().replace("Z", "+00:00");
}
