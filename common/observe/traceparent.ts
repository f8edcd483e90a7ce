/** W3C traceparents, version 00: `00-<trace id>-<span id>-<flags>`. What sampled lines carry, in text as on the wire. */
import { hash } from "node:crypto";
import type { SpanContext } from "@opentelemetry/api";
import type { BotName } from "../contract/ids.ts";

const SAMPLED = 1;

export function traceparentOf({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
}

/** Undefined of what is not sampled, and of what is no traceparent of version 00: another pod's version wrote it. */
export function sampledContextOf(trace: string): SpanContext | undefined {
  const parts = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(trace);
  if (parts === null) return undefined;
  const [, traceId = "", spanId = "", flags = ""] = parts;
  const traceFlags = Number.parseInt(flags, 16);
  return (traceFlags & SAMPLED) === 0 ? undefined : { traceId, spanId, traceFlags: SAMPLED, isRemote: true };
}

/** The tenure's span, the same on every pod: who takes over links to it without having been told of it. */
export function traceOfTenure(bot: BotName, epoch: number): string {
  const digest = hash("sha256", `tenure\0${bot}\0${epoch}`, "hex");
  return `00-${digest.slice(0, 32)}-${digest.slice(32, 48)}-01`;
}

/** Under the names by which log viewers find them. */
export function traceIdsOf(trace: string | undefined): { readonly trace_id?: string; readonly span_id?: string } {
  const context = trace === undefined ? undefined : sampledContextOf(trace);
  return context === undefined ? {} : { trace_id: context.traceId, span_id: context.spanId };
}
