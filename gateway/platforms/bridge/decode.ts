/**
 * One line of a phone to what it means. The JSON ends at the last `}` of the line; what follows is RAW. Nothing here
 * throws, whatever the bytes: a line that cannot be used is a fault that names the field, never its content.
 */
import { isUtf8 } from "node:buffer";
import { limits } from "#common/contract/limits.ts";
import type { Vitals } from "#common/contract/vitals.ts";
import type { FrameFault } from "#common/observe/frame-faults.ts";
import type { ChatLine, Decoded, Identity, Proof } from "../platform.ts";
import type { Shape } from "./dialect.ts";
import { unmarked } from "./token.ts";

type Fields = Readonly<Record<string, unknown>>;

export interface Read {
  readonly decoded: Decoded;
  readonly shape: Shape;
}

const BRACE = 125;
/** Ids of 64 bits. Phones send them as strings; one that sends a number must not lose its last digits to a double. */
const ID_FIELDS = ["channel_id", "channelId", "log_id", "logId", "user_hash", "userHash"];
const HANDSHAKE_FIELDS = ["botName", "version", "deviceID", "deviceId"];
/** What a peer's own ping is answered with. Scalars only: an echo is no way to make us send what we did not read. */
const ECHOED = ["bot_name", "channel_id", "room", "user_hash", "server_timestamp", "is_manual"];
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
const TIMESTAMP = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d(?:\.\d{1,9})?)(Z|[+-]\d\d:\d\d)?$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\0-\x1f\x7f]/;

export function readLine(line: Uint8Array): Read {
  const bytes = Buffer.from(line.buffer, line.byteOffset, line.byteLength);
  const end = bytes.lastIndexOf(BRACE) + 1;
  const json = bytes.toString("utf8", 0, end);
  // A refusal by JSON.parse costs ten times what a line costs: most garbage is told without it.
  const root = end > 0 && mayBeginObject(bytes[0]) ? parse(json) : undefined;
  if (root === undefined) return fault(isUtf8(bytes) ? "not_json" : "not_utf8", "line");
  if (!isFields(root)) return fault("not_json", "object");
  if (root.event === undefined) return readBare(root);
  if (root.event === "handshake") {
    const decoded = isFields(root.data) ? readHandshake(root.data) : invalidHandshake("data");
    return { decoded, shape: "handshake_event" };
  }
  const { event } = root;
  if (event !== "analyze" && event !== "message" && event !== "ping" && event !== "pong") {
    return fault("unknown_event", "event");
  }
  if (!isFields(root.data)) return fault("no_data", "data");
  const data = withWholeIds(root.data, json);
  if (event === "ping" || event === "pong") return { decoded: readPing(event, data), shape: "other" };
  const text = event === "message" ? textOfMessage(data, bytes.toString("utf8", end).trim()) : data.text;
  return { decoded: readChat(data, text), shape: event };
}

/** Before the event envelope existed a handshake was a bare object. */
function readBare(root: Fields): Read {
  if (HANDSHAKE_FIELDS.some((name) => Object.hasOwn(root, name))) {
    const decoded = readHandshake(root);
    if (root.protocolVersion !== undefined) return { decoded, shape: "handshake_event" };
    return { decoded, shape: root.clientType === undefined ? "handshake_plain" : "handshake_bare" };
  }
  // 3.3.1 alone spoke `{"type": ...}`, in both directions, and waits for an answer that nobody else gives.
  if (root.type === "handshake") {
    return { decoded: { kind: "refuse", fault: "protocol_unsupported", detail: "type" }, shape: "other" };
  }
  return fault("unknown_event", "event");
}

function readHandshake(data: Fields): Decoded {
  const bot = name(data.botName);
  const device = name(data.deviceID ?? data.deviceId);
  const version = name(data.version);
  if (bot === null) return invalidHandshake("botName");
  if (version === null) return invalidHandshake("version");
  if (device === null) return invalidHandshake("deviceID");
  const clientType = name(data.clientType) ?? "MessengerBotR";
  return { kind: "handshake", identity: { bot, device, version, clientType, deviceInfo: short(data.deviceInfo) } };
}

function readChat(data: Fields, text: unknown): Decoded {
  const channel = key(data.channel_id ?? data.channelId);
  if (channel === null) return { kind: "fault", fault: "missing_channel", detail: "channel_id" };
  const room = key(data.room);
  if (room === null) return { kind: "fault", fault: "missing_room", detail: "room" };
  if (typeof text !== "string" || text === "") return { kind: "fault", fault: "missing_text", detail: "text" };
  const line: ChatLine = {
    channel,
    room,
    sender: short(data.sender),
    userHash: short(data.user_hash ?? data.userHash),
    text,
    logId: key(data.log_id ?? data.logId),
    isGroupChat: (data.is_group_chat ?? data.isGroupChat) === true,
    isMention: (data.is_mention ?? data.isMention) === true,
    clientAt: instantOf(data.timestamp),
  };
  return { kind: "chat", line, claims: claimsOf(data), proof: proofOf(data) };
}

/**
 * RAW is base64 of UTF-8, unless the phone's encoder failed: then it is the plain text while `content_encoding` still
 * says base64. Plain text whose bytes happen to be base64 of valid UTF-8 cannot be told apart, and is read as base64.
 */
function textOfMessage(data: Fields, raw: string): unknown {
  if (raw === "") return data.text;
  if (data.content_encoding !== "base64") return raw;
  const packed = raw.replace(/\s+/g, "");
  if (!BASE64.test(packed)) return raw;
  const bytes = Buffer.from(packed, "base64");
  return bytes.length > 0 && isUtf8(bytes) ? bytes.toString("utf8") : raw;
}

/** Who signed the line. Enough to know a connection whose handshake is still behind its chat, or never comes. */
function claimsOf(data: Fields): Identity | null {
  const auth = isFields(data.auth) ? data.auth : {};
  const bot = name(auth.botName) ?? name(data.bot_name ?? data.botName);
  const device = name(auth.deviceID) ?? name(auth.deviceUUID ?? auth.deviceId);
  if (bot === null || device === null) return null;
  const clientType = name(auth.clientType) ?? "MessengerBotR";
  return { bot, device, version: short(auth.version), clientType, deviceInfo: "" };
}

/**
 * An answer carries our token, or none of the fields that a peer's own ping names its room by. The second rule ends
 * what would otherwise go on for ever: a phone answers every ping, also our answer to an answer it owed another server.
 */
function readPing(event: "ping" | "pong", data: Fields): Decoded {
  const token = unmarked(data.server_timestamp);
  const own = data.channel_id !== undefined || data.room !== undefined || data.user_hash !== undefined;
  if (token === null && event === "ping" && own) {
    const echo: Record<string, unknown> = {};
    for (const field of ECHOED) if (isScalar(data[field])) echo[field] = data[field];
    return { kind: "ping", echo, vitals: vitalsOf(data), proof: proofOf(data) };
  }
  return { kind: "pong", token: token ?? "", vitals: vitalsOf(data), proof: proofOf(data) };
}

/** Handed on unread: most of it is needed only where the bot has a key. */
function proofOf(data: Fields): Proof | null {
  return isFields(data.auth) ? data.auth : null;
}

/** Flat in 3.3.0+ alone, whose uptime is seconds; nested in all others, in ms where there is one. */
function vitalsOf(data: Fields): Vitals {
  const nested = isFields(data.monitoring) ? data.monitoring : data;
  const status = isFields(data.client_status) ? data.client_status : {};
  const ram = isFields(status.ram) ? status.ram : {};
  return {
    memoryUsedMb: amount(nested.memory_usage ?? ram.usedMB),
    memoryMaxMb: amount(nested.total_memory ?? ram.maxMB),
    queueSize: amount(nested.message_queue_size ?? nested.queue_size),
    activeRooms: amount(nested.active_rooms),
    cpu: amount(status.cpu ?? nested.cpu_usage),
    temperature: Number.isFinite(status.temp) ? (status.temp as number) : null,
    uptimeMs: amount(nested === data && typeof data.uptime === "number" ? data.uptime * 1_000 : nested.uptime),
    messageCount: amount(nested.messageCount),
    lastActivity: instantOf(nested.lastActivity) === null ? null : (nested.lastActivity as string),
    isManual: data.is_manual === true,
  };
}

/** Epoch ms, or null. A time without zone is the phone's wall clock, and the phones are in Korea (UTC+9). */
function instantOf(value: unknown): number | null {
  if (typeof value !== "string") return null;
  const match = TIMESTAMP.exec(value);
  if (match === null) return null;
  const at = Date.parse(`${match[1]}T${match[2]}${match[3] ?? "+09:00"}`);
  return Number.isNaN(at) ? null : at;
}

/** Reads the line again when an id is a number: rare, so that the common line pays for no reviver. */
function withWholeIds(data: Fields, json: string): Fields {
  if (!ID_FIELDS.some((field) => typeof data[field] === "number")) return data;
  const keep = (field: string, value: unknown, context?: { source?: string }) =>
    typeof value === "number" && ID_FIELDS.includes(field) ? (context?.source ?? String(value)) : value;
  const again = parse(json, keep);
  return isFields(again) && isFields(again.data) ? again.data : {};
}

/** undefined when it is not JSON, or so deep that the reviver ran out of stack. */
function parse(json: string, reviver?: (field: string, value: unknown) => unknown): unknown {
  try {
    return JSON.parse(json, reviver);
  } catch {
    return undefined;
  }
}

/** An opening brace, or the white space that may stand before it. */
function mayBeginObject(byte = 0): boolean {
  return byte === 123 || byte <= 32;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isScalar(value: unknown): boolean {
  return typeof value === "string"
    ? value.length <= limits.fieldCharsMax
    : typeof value !== "object" && value !== undefined;
}

/** A name that ends up in keys and logs: not empty, bounded, without control characters. */
function name(value: unknown): string | null {
  const text = key(value);
  return text === null || CONTROL.test(text) ? null : text;
}

/** What addresses something is never cut: another room's name is worse than none. */
function key(value: unknown): string | null {
  return typeof value === "string" && value.length <= limits.fieldCharsMax && value.trim() !== "" ? value : null;
}

/** What only describes is cut. */
function short(value: unknown): string {
  return typeof value === "string" ? value.slice(0, limits.fieldCharsMax) : "";
}

function amount(value: unknown): number | null {
  return typeof value === "number" && value >= 0 && Number.isFinite(value) ? value : null;
}

function fault(reason: FrameFault, detail: string): Read {
  return { decoded: { kind: "fault", fault: reason, detail }, shape: "other" };
}

function invalidHandshake(detail: string): Decoded {
  return { kind: "refuse", fault: "handshake_invalid", detail };
}
