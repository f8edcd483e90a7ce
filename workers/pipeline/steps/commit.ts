/**
 * Carries the decision out: changes in one MySQL transaction, replies in one outbox call. Both sinks know the event's id,
 * so a re-run after a crash between any two lines here does nothing twice; an event that is in MySQL already still offers
 * its replies again, and the outbox decides. Changes that MySQL refuses park the event, as a command that throws does.
 */
import { encodeAction } from "#common/contract/codec.ts";
import type { OutboundAction } from "#common/contract/envelope.ts";
import { actionIdOf } from "#common/contract/ids.ts";
import { limits } from "#common/contract/limits.ts";
import { assert } from "#common/kernel/assert.ts";
import { hasCode, MoaError } from "#common/kernel/errors.ts";
import { SPAN_KEYS } from "#common/observe/span-catalogue.ts";
import type { TraceSpan } from "#common/observe/tracing.ts";
import { type Decision, say } from "#workers/domain/decision.ts";
import { texts } from "#workers/domain/texts.ts";
import { retryWhile } from "../retry-while.ts";
import { endWith } from "../turn-trace.ts";
import type { Tools, Work } from "../work.ts";

/** Sets the outcome. At once when there is nothing to do. */
export function commit(work: Work, tools: Tools): Work | Promise<Work> {
  const { decision } = work;
  if (decision === null) return { ...work, outcome: "handled" };
  const span = decision.replies.length === 0 ? undefined : spanOf(work, tools);
  const trace = span?.trace ?? work.event.trace;
  const sending = { deadline: work.event.receivedAt + tools.actionTtlMs, trace };
  const actions = actionsOf(work, decision, sending);
  const done =
    decision.changes.length === 0
      ? reply(work, actions, tools)
      : applyChanges(work, actions, tools).then(
          () => reply(work, actions, tools),
          (error) => reply(refused(work, error, tools), actionsOf(work, say(texts.turnFailed), sending), tools),
        );
  if (span !== undefined && done instanceof Promise) endWith(span, done, tools);
  return done;
}

/** A re-run is refused likewise, and says the same under the same id. */
function refused(work: Work, error: unknown, tools: Tools): Work {
  if (!hasCode(error, "mysql_refused")) throw error;
  const reason = "mysql_refused";
  tools.log.error({ tag: "MSG", event: work.event.id, reason, err: error }, "turn parked");
  return { ...work, decision: say(texts.turnFailed), reason };
}

/** Of what brings the replies into the outbox, the changes before them included. */
function spanOf({ event }: Work, { tracing, clock }: Tools): TraceSpan | undefined {
  if (event.trace === undefined) return undefined;
  return tracing.next("enqueue", event.trace, { at: clock.nowMs(), attributes: { [SPAN_KEYS.eventId]: event.id } });
}

function reply(work: Work, actions: readonly OutboundAction[], tools: Tools): Work | Promise<Work> {
  const { event, from } = work;
  const done: Work = { ...work, outcome: work.reason === undefined ? "handled" : "parked" };
  const [first] = actions;
  if (first === undefined) return done;
  const offered = tools.enqueue({
    bot: event.bot,
    lane: from.lane,
    epoch: from.epoch,
    event: event.id,
    deadline: first.deadline,
    actions: actions.map(encodeAction),
  });
  return offered.then((outcome) => {
    if (outcome === "fenced") {
      tools.metrics.fencingRejections.inc(1, { point: "outbox" });
      throw new MoaError("fenced", `lane ${from.lane} has a newer owner`);
    }
    if (outcome === "duplicate") tools.metrics.duplicatesSuppressed.inc(1, { layer: "outbox" });
    return outcome === "expired" ? { ...done, outcome: "expired" } : done;
  });
}

function actionsOf(
  work: Work,
  decision: Decision,
  { deadline, trace }: { readonly deadline: number; readonly trace: string | undefined },
): readonly OutboundAction[] {
  const { event } = work;
  assert(
    decision.replies.length <= limits.actionsPerDecisionMax,
    "a decision has at most actionsPerDecisionMax replies",
  );
  const { bot, channel, room, receivedAt, loggedAt } = event;
  const common = { v: 1, bot, channel, room, deadline, askedAt: receivedAt } as const;
  return decision.replies.map((reply, index) => ({
    ...common,
    id: actionIdOf(event.id, index),
    ...(decision.changes.length > 0 ? { receipt: true as const } : {}),
    // Its first run may have been before the loss after which it was put back.
    ...(loggedAt === undefined ? {} : { again: true as const }),
    ...(trace === undefined ? {} : { trace }),
    ...reply,
  }));
}

/** MySQL away: tried again until nobody waits for the answer any more; then the event is parked, changes unknown. */
async function applyChanges(work: Work, actions: readonly OutboundAction[], tools: Tools): Promise<void> {
  const { event, from, decision } = work;
  const deadline = event.receivedAt + tools.actionTtlMs;
  const apply = () =>
    tools.turns.apply({
      lane: from.lane,
      epoch: from.epoch,
      event: event.id,
      changes: decision?.changes ?? [],
      outbox: actions.map((action) => ({
        id: action.id,
        bot: action.bot,
        deadline: action.deadline,
        action: encodeAction(action),
      })),
    });
  const applied = await retryWhile(tools, () => tools.clock.nowMs() < deadline, apply).catch((error) => {
    if (hasCode(error, "fenced")) tools.metrics.fencingRejections.inc(1, { point: "mysql" });
    throw error;
  });
  if (applied === "repeated") tools.metrics.duplicatesSuppressed.inc(1, { layer: "mysql" });
}
