import { say } from "#workers/domain/decision.ts";
import { parseLine } from "#workers/domain/parse.ts";
import type { Tools, Work } from "../work.ts";

export function parse(work: Work, tools: Tools): Work {
  if (work.opening !== undefined) return work;
  const parsed = parseLine(work.event.text, work.event.channel, tools.commands);
  if (parsed.kind === "talk" || parsed.kind === "elsewhere") return { ...work, parsed, outcome: "handled" };
  if (parsed.kind === "refused") return { ...work, parsed, decision: say(parsed.answer) };
  return { ...work, parsed };
}
