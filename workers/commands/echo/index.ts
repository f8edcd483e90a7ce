import type { Command } from "#workers/domain/command.ts";
import { say } from "#workers/domain/decision.ts";
import { texts } from "#workers/domain/texts.ts";

const REPEAT_MAX = 5;

/** Says back what it was told: the first command of the original, and the proof that a line made the whole way. */
export const echo: Command = {
  name: "echo",
  directive: "# echo",
  help: "# echo {내용} — 내용을 그대로 되돌려줍니다. --repeat=횟수(최대 5)",
  promptRequired: true,
  parameters: { repeat: { type: "int", default: 1 } },
  run(turn) {
    const wanted = Number(turn.parameters.repeat);
    const count = Math.min(Math.max(wanted, 1), REPEAT_MAX);
    if (count === 1) return say(texts.echo(turn.prompt));
    const lines = Array.from({ length: count }, (_, i) => texts.echoNumbered(i + 1, count, turn.prompt));
    return wanted > REPEAT_MAX ? say(texts.echoTooMany(REPEAT_MAX), ...lines) : say(...lines);
  },
};
