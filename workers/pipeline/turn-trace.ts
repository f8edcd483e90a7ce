/** A sampled turn: its span, which its answers carry on, and a log whose lines name it. */
import type { InboundEvent } from "#common/contract/envelope.ts";
import type { Lane } from "#common/contract/ids.ts";
import { MoaError } from "#common/kernel/errors.ts";
import type { Log } from "#common/observe/logger.ts";
import { SPAN_KEYS } from "#common/observe/span-catalogue.ts";
import { traceIdsOf } from "#common/observe/traceparent.ts";
import type { TraceSpan } from "#common/observe/tracing.ts";
import type { Tools, Work } from "./work.ts";

export interface TracedTurn {
  /** Its event carries the turn's span on, where it is sampled. */
  readonly work: Work;
  readonly tools: Tools;
  /** Of a sampled one. */
  readonly span: TraceSpan | undefined;
}

/** @param begin.received traceparent of the entry's reading */
export function tracedTurn(
  work: Work,
  tools: Tools,
  { at, received }: { readonly at: number; readonly received: string | undefined },
): TracedTurn {
  const { event, from } = work;
  if (event.trace === undefined) return { work, tools, span: undefined };
  const attributes = { [SPAN_KEYS.eventId]: event.id, [SPAN_KEYS.lane]: `${from.lane}` };
  const links = received === undefined ? [] : [received];
  const span = tools.tracing.next("turn", event.trace, { at, attributes, links });
  if (span === undefined) return { work, tools, span };
  const log = tools.log.child(traceIdsOf(span.trace));
  return { work: { ...work, event: { ...event, trace: span.trace } }, tools: { ...tools, log }, span };
}

/** Ends with the work, with its error's code if it fails. */
export function endWith(span: TraceSpan, work: Promise<unknown>, { clock }: Tools): void {
  const failed = (error: unknown) => span.end(clock.nowMs(), { [SPAN_KEYS.error]: codeOf(error) });
  work.then(() => span.end(clock.nowMs()), failed);
}

export function endTurn(
  { span, tools }: TracedTurn,
  how: { readonly outcome: string } | { readonly error: unknown },
): void {
  const says = "error" in how ? { [SPAN_KEYS.error]: codeOf(how.error) } : { [SPAN_KEYS.outcome]: how.outcome };
  span?.end(tools.clock.nowMs(), says);
}

/** Gives the reason under which it is parked. */
export function tellParked(
  log: Log,
  lane: Lane,
  { event, error }: { readonly event: InboundEvent; readonly error: unknown },
): string {
  const reason = codeOf(error);
  log.error({ tag: "MSG", lane, event: event.id, reason, ...traceIdsOf(event.trace), err: error }, "event parked");
  return reason;
}

function codeOf(error: unknown): string {
  return error instanceof MoaError ? error.code : "turn_failed";
}
