/** What a phone sends: pure, from what it knows at that moment. Every function gives one line without its LF. */
import type { PhoneDialect } from "./dialects.ts";
import { type Secret, sign } from "./signature.ts";

const CLIENT_TYPE = "MessengerBotR";
const KOREA_MS = 9 * 3_600_000;
const CHARS_MAX = 65_000;
/** What the scripts strip: control characters but CR and LF, and the marks that turn the direction of writing. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is stripped
const STRIPPED = /[\0-\x09\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]/g;

export interface Speaker {
  readonly dialect: PhoneDialect;
  readonly bot: string;
  readonly device: string;
  readonly secret: Secret;
  /** Local address of the socket, or "unknown" while there is none. */
  readonly ip: string;
  readonly nowMs: number;
}

export interface Line {
  readonly room: string;
  readonly channel: string;
  readonly sender: string;
  readonly userHash: string;
  readonly text: string;
  readonly logId: string;
  readonly isGroupChat: boolean;
  readonly isMention: boolean;
}

/** Empty when nothing is left to say: then the phone sends nothing. */
export function sanitised(text: string): string {
  return text.slice(0, CHARS_MAX).replace(STRIPPED, "");
}

export function handshakeLine(speaker: Speaker): string {
  const { dialect, bot, device, ip } = speaker;
  const three = { botName: bot, version: dialect.version, [dialect.deviceField]: device };
  if (dialect.handshake === "three fields") return JSON.stringify(three);
  const deviceInfo = "samsung SM-G991N (Android 13, API 33)";
  const six = { clientType: CLIENT_TYPE, ...three, deviceIP: ip, deviceInfo };
  if (dialect.handshake === "six fields") return JSON.stringify(six);
  return JSON.stringify({ event: "handshake", data: { ...six, ...stamp(speaker), message_positions: [0, 0] } });
}

export function chatLine(speaker: Speaker, line: Line): string {
  const { room, channel, sender, userHash, text, logId, isGroupChat, isMention } = line;
  const auth = authOf(speaker);
  if (speaker.dialect.chat === "analyze") {
    const who = { sender, isGroupChat, channelId: channel, logId, userHash, isMention };
    const from = { timestamp: timeOf(speaker), botName: speaker.bot, clientType: CLIENT_TYPE, auth };
    return JSON.stringify({ event: "analyze", data: { room, text, ...who, ...from } });
  }
  const raw = Buffer.from(text).toString("base64");
  const what = { message_type: "text", content_encoding: "base64", message_positions: [0, raw.length] };
  const who = { sender, is_group_chat: isGroupChat, log_id: logId, user_hash: userHash, is_mention: isMention };
  const from = { bot_name: speaker.bot, client_type: CLIENT_TYPE, auth };
  const data = { room, channel_id: channel, ...what, ...stamp(speaker), ...who, ...from };
  return JSON.stringify({ event: "message", data }) + raw;
}

/** @param ping data of the server's ping; its `server_timestamp` goes back verbatim, whatever it is */
export function pingAnswerLine(speaker: Speaker, ping: Readonly<Record<string, unknown>>, load: Load): string {
  const { dialect, bot } = speaker;
  const auth = authOf(speaker);
  if (dialect.deviceField === "deviceId") {
    const { bot_name, channel_id, room, user_hash, server_timestamp } = ping;
    const ram = { used: 134_217_728, max: 536_870_912, usedMB: 128, maxMB: 512 };
    const monitoring = { uptime: 3_600_000, messageCount: 125, lastActivity: new Date(speaker.nowMs).toISOString() };
    const status = { client_status: { cpu: null, ram, temp: null }, monitoring, is_manual: false };
    return JSON.stringify({
      event: "ping",
      data: { bot_name, channel_id, room, user_hash, server_timestamp, ...status, auth },
    });
  }
  const monitoring = { total_memory: 512, memory_usage: 128.4, memory_percent: 25.1, ...load };
  const bot_name = dialect.handshake === "event" ? (ping.bot_name ?? bot) : ping.bot_name;
  const data = { bot_name, server_timestamp: ping.server_timestamp, monitoring, auth };
  const more = dialect.answersPingWith === "pong" ? { ...stamp(speaker), message_positions: [0, 0] } : {};
  return JSON.stringify({ event: dialect.answersPingWith, data: { ...data, ...more } });
}

export interface Load {
  readonly message_queue_size: number;
  readonly active_rooms: number;
}

function authOf({ dialect, bot, device, secret, ip, nowMs }: Speaker): Record<string, unknown> {
  const who = { clientType: CLIENT_TYPE, botName: bot, deviceUUID: device };
  const deviceId = dialect.deviceField === "deviceID" ? { deviceID: device } : {};
  const where = { macAddress: "02:00:00:00:00:00", ipAddress: ip, timestamp: nowMs };
  return { ...who, ...deviceId, ...where, version: dialect.version, signature: sign(secret, { ...who, ...where }) };
}

function stamp(speaker: Speaker): Record<string, unknown> {
  return { timestamp: timeOf(speaker), timezone: "Asia/Seoul" };
}

function timeOf({ dialect, nowMs }: Speaker): string {
  if (dialect.clock === "ISO milliseconds") return new Date(nowMs).toISOString();
  if (dialect.clock === "ISO seconds") return `${new Date(nowMs).toISOString().slice(0, 19)}.000Z`;
  return new Date(nowMs + KOREA_MS).toISOString().slice(0, 19).replace("T", " ");
}
