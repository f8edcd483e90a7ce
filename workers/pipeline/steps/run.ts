/**
 * Runs the command. What it throws and what never settles is a bug: the event is parked for an operator with its reason,
 * and the room is told. A command cannot be stopped; what it decides after its deadline is thrown away.
 */
import { limits } from "#common/contract/limits.ts";
import { hasCode } from "#common/kernel/errors.ts";
import { within } from "#common/kernel/lifecycle.ts";
import { type Decision, say } from "#workers/domain/decision.ts";
import { turnOf } from "#workers/domain/parse.ts";
import { texts } from "#workers/domain/texts.ts";
import type { Tools, Work } from "../work.ts";

export function run(work: Work, tools: Tools): Work | Promise<Work> {
  if (work.decision !== null || work.parsed?.kind !== "command") return work;
  const { parsed, event } = work;
  const startedMs = tools.clock.monotonicMs();
  const took = (outcome: "ok" | "failed") =>
    tools.metrics.turnSeconds.observe((tools.clock.monotonicMs() - startedMs) / 1_000, { outcome });
  const decided = (decision: Decision): Work => {
    took("ok");
    // The original's categories name its commands: ECHO.
    tools.log.debug({ tag: parsed.command.name.toUpperCase(), event: event.id }, "turn decided");
    if (work.opening === undefined) return { ...work, decision };
    return { ...work, decision: { ...decision, replies: [...work.opening, ...decision.replies] } };
  };
  const failed = (error: unknown): Work => {
    took("failed");
    const reason = hasCode(error, "deadline_passed") ? "turn_timeout" : "turn_failed";
    tools.log.error({ tag: "MSG", command: parsed.command.name, event: event.id, reason, err: error }, "turn parked");
    return { ...work, decision: say(reason === "turn_timeout" ? texts.turnTimeout : texts.turnFailed), reason };
  };
  try {
    const decision = parsed.command.run(turnOf(event, parsed));
    if (!(decision instanceof Promise)) return decided(decision);
    const what = `command ${parsed.command.name}`;
    return within(tools.clock, limits.turnMsMax, what, decision).then(decided, failed);
  } catch (error) {
    return failed(error);
  }
}
