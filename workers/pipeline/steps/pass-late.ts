import type { Tools, Work } from "../work.ts";

export function passLate(work: Work, tools: Tools): Work {
  if (!work.event.late) return work;
  tools.metrics.lateLines.inc(1);
  return { ...work, outcome: "handled" };
}
