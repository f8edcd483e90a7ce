/**
 * Envelopes to text and back: one JSON object per line, lines joined by LF in one stream field. JSON because it keeps
 * unknown fields by itself and can be read at 3 a.m. with redis-cli; its cost is 5 us of about 95 per event.
 */
import { MoaError } from "../kernel/errors.ts";
import type { InboundEvent, OutboundAction } from "./envelope.ts";
import { limits } from "./limits.ts";

const EVENT_KINDS: ReadonlySet<string> = new Set<InboundEvent["kind"]>(["chat", "receipt"]);
const ACTION_KINDS: ReadonlySet<string> = new Set<OutboundAction["kind"]>(["text", "media"]);

/** One line without LF: JSON escapes it. */
export function encodeEvent(event: InboundEvent): string {
  return JSON.stringify(event);
}

/**
 * @param loggedAtMs time of the lane entry by Redis' clock. A receivedAt further than `clockSkewMsMax` from it is moved
 * to that bound: a gateway whose clock is two minutes behind would otherwise expire every answer. Deterministic, because
 * a re-run reads the same entry. One that was put there again is measured at its first entry.
 * @throws MoaError contract_unreadable
 */
export function decodeEvent(line: string, loggedAtMs: number): InboundEvent {
  const event = parse(line, EVENT_KINDS) as unknown as InboundEvent;
  const atMs = event.loggedAt ?? loggedAtMs;
  const low = atMs - limits.clockSkewMsMax;
  const high = atMs + limits.clockSkewMsMax;
  if (event.receivedAt >= low && event.receivedAt <= high) return event;
  return { ...event, receivedAt: Math.min(Math.max(event.receivedAt, low), high) };
}

/** Of an encoded event or action; a name that it has already counts as said last. */
export function withField(line: string, name: "late" | "loggedAt" | "again", value: true | number): string {
  return `${line.slice(0, -1)},"${name}":${value}}`;
}

export function encodeAction(action: OutboundAction): string {
  return JSON.stringify(action);
}

/** @throws MoaError contract_unreadable */
export function decodeAction(line: string): OutboundAction {
  return parse(line, ACTION_KINDS) as unknown as OutboundAction;
}

function parse(line: string, kinds: ReadonlySet<string>): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new MoaError("contract_unreadable", "not JSON", { cause });
  }
  if (typeof value !== "object" || value === null) throw new MoaError("contract_unreadable", "not an object");
  const record = value as Record<string, unknown>;
  if (record.v !== 1) throw new MoaError("contract_unreadable", `v is ${String(record.v)}, this pod reads v 1`);
  if (!kinds.has(String(record.kind))) throw new MoaError("contract_unreadable", `kind is ${String(record.kind)}`);
  return record;
}
