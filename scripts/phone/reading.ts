/** What a line from the server makes a phone do: pure. Whatever it cannot read it ignores, and stays connected. */
import type { PhoneDialect } from "./dialects.ts";

type Data = Readonly<Record<string, unknown>>;

export type Heard =
  | { readonly kind: "text"; readonly text: string; readonly data: Data }
  | { readonly kind: "media"; readonly items: readonly string[]; readonly data: Data }
  | { readonly kind: "ping"; readonly data: Data }
  | { readonly kind: "welcome"; readonly data: Data };

const MEDIA_TYPES: ReadonlySet<unknown> = new Set(["image", "audio", "video", "document"]);
const SHOWN_33: ReadonlySet<unknown> = new Set(["messageResponse", "scheduleMessage", "broadcastMessage"]);
const PREFIXES = ["MEDIA_URL:", "IMAGE_BASE64:"];
const GO_HOME_MS = 200;
const TIDY_UP_MS = 1_000;

export function hear(dialect: PhoneDialect, line: string): Heard | null {
  const whole = dialect.reads === "legacy" ? line : line.trim();
  // A 3.2.x phone parses the line as it is: RAW behind the JSON makes the frame unreadable to it.
  const end = dialect.reads === "legacy" ? whole.length : whole.lastIndexOf("}") + 1;
  const frame = parse(whole.slice(0, end));
  if (!isData(frame) || !isData(frame.data)) return null;
  const { event, data } = frame;
  if (event === "ping") return { kind: "ping", data };
  if (event === "handshakeComplete") return { kind: "welcome", data };
  if (dialect.reads === "legacy") return event === "messageResponse" ? hearLegacy(data) : null;
  if (!SHOWN_33.has(event)) return null;
  return hearPositions(data, whole.slice(end)) ?? (dialect.reads === "both" ? hearLegacy(data) : null);
}

/** How long sharing keeps the receive thread from reading, ms. Downloads take no time here. */
export function mediaMs(dialect: PhoneDialect, items: readonly string[], wait: unknown): number {
  const megabytes =
    items.reduce((sum, item) => sum + (item.startsWith("http") ? 0 : item.length * 0.75), 0) / 1_048_576;
  const base = 1_500 + megabytes * 2_000;
  const own = items.length === 1 ? clamp(base, 4_000, 6_000) : clamp(base + (items.length - 1) * 300, 3_000, 15_000);
  const given = dialect.readsMediaWait && typeof wait === "number" && wait > 0;
  return (given ? wait : own) + GO_HOME_MS + TIDY_UP_MS;
}

function hearLegacy(data: Data): Heard | null {
  const { text } = data;
  if (typeof text !== "string" || text === "") return null;
  const prefix = PREFIXES.find((one) => text.startsWith(one));
  if (prefix === undefined) return { kind: "text", text, data };
  return { kind: "media", items: text.slice(prefix.length).split("|||"), data };
}

/** Offsets are UTF-16 units. No positions, or [0,0], is a frame without content: ignored. */
function hearPositions(data: Data, raw: string): Heard | null {
  const ends = Array.isArray(data.message_positions) ? (data.message_positions as number[]) : [0, 0];
  if (ends.length < 2 || (ends.at(-1) ?? 0) <= 0) return null;
  if (MEDIA_TYPES.has(data.message_type)) {
    const items = ends.slice(1).map((end, i) => raw.substring(ends[i] as number, end));
    return { kind: "media", items, data };
  }
  const text = data.content_encoding === "base64" ? Buffer.from(raw, "base64").toString("utf8") : raw;
  return text === "" ? null : { kind: "text", text, data };
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}

function isData(value: unknown): value is Data {
  return typeof value === "object" && value !== null;
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
