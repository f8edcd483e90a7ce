/** What a sampled action leaves of its delivery: the write, in the trace of its line, and behind it the confirmation. */
import type { BotName } from "#common/contract/ids.ts";
import type { Clock } from "#common/kernel/clock.ts";
import { SPAN_KEYS } from "#common/observe/span-catalogue.ts";
import { traceOfTenure } from "#common/observe/traceparent.ts";
import type { Tracing } from "#common/observe/tracing.ts";
import type { Tenure } from "#common/ports/writer-directory.ts";
import type { ActionInHand } from "./actions-in-hand.ts";

export interface DeliveryTraceOptions {
  readonly bot: BotName;
  readonly clock: Clock;
  readonly tracing: Pick<Tracing, "next">;
}

type Written = ActionInHand["written"];

/** From the moment it was begun to the system's taking of it. */
export function traceWrite(
  { bot, tracing }: DeliveryTraceOptions,
  { epoch }: Tenure,
  { entry: { action, startedAt }, endedAt }: { readonly entry: ActionInHand; readonly endedAt: number },
): Written {
  const { id, trace } = action ?? {};
  if (id === undefined || trace === undefined) return undefined;
  const attributes = { [SPAN_KEYS.eventId]: id, [SPAN_KEYS.epoch]: epoch };
  const span = tracing.next("write", trace, { at: startedAt, attributes, links: [traceOfTenure(bot, epoch)] });
  span?.end(endedAt);
  return span && { trace: span.trace, at: endedAt };
}

/** From its write to the echo of a barrier behind it: it was read. */
export function traceConfirmation({ tracing, clock }: DeliveryTraceOptions, { trace, at }: NonNullable<Written>): void {
  tracing.next("confirmation", trace, { at })?.end(clock.nowMs());
}
