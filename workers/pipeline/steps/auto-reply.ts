import { autoAnswer } from "#workers/domain/auto-reply.ts";
import type { Tools, Work } from "../work.ts";

/**
 * Where an operator's rule answers what was said, it is not parsed: the rule's own command is run, if it has one. Between
 * two runs of a turn rules may change; then the sinks keep what the first one decided, as they know the event.
 */
export function autoReply(work: Work, { autoReplies, commands }: Tools): Work {
  const { event } = work;
  const rules = autoReplies.of(event.bot, event.channel);
  const answer = rules === undefined ? null : autoAnswer(rules, event, commands);
  if (answer === null) return work;
  const { opening, parsed } = answer;
  const decision = parsed === null ? { replies: opening, changes: [] } : null;
  return { ...work, opening, parsed, decision };
}
