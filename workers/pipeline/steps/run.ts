/**
 * Runs the command. What it throws and what never settles is a bug: the event is parked for an operator with its reason,
 * and the room is told. A command cannot be stopped; what it decides after its deadline is thrown away.
 */
import type { ChatEvent } from "#common/contract/envelope.ts";
import { limits } from "#common/contract/limits.ts";
import { hasCode } from "#common/kernel/errors.ts";
import { within } from "#common/kernel/lifecycle.ts";
import { type Decision, say } from "#workers/domain/decision.ts";
import { type ParsedCommand, turnOf } from "#workers/domain/parse.ts";
import { texts } from "#workers/domain/texts.ts";
import type { Tools, Work } from "../work.ts";

export async function run(work: Work, tools: Tools): Promise<Work> {
  if (work.decision !== null || work.parsed?.kind !== "command") return work;
  const { command } = work.parsed;
  const startedMs = tools.clock.monotonicMs();
  const took = (outcome: "ok" | "failed") =>
    tools.metrics.turnSeconds.observe((tools.clock.monotonicMs() - startedMs) / 1_000, { outcome });
  try {
    const decision = await decide(work.event, work.parsed, tools);
    took("ok");
    return { ...work, decision };
  } catch (error) {
    took("failed");
    const reason = hasCode(error, "deadline_passed") ? "turn_timeout" : "turn_failed";
    tools.log.error({ tag: "MSG", command: command.name, event: work.event.id, reason, err: error }, "turn parked");
    return { ...work, decision: say(reason === "turn_timeout" ? texts.turnTimeout : texts.turnFailed), reason };
  }
}

async function decide(event: ChatEvent, parsed: ParsedCommand, tools: Tools): Promise<Decision> {
  const decision = parsed.command.run(turnOf(event, parsed));
  if (!(decision instanceof Promise)) return decision;
  return within(tools.clock, limits.turnMsMax, `command ${parsed.command.name}`, decision);
}
