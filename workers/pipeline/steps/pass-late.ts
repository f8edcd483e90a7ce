import type { Work } from "../work.ts";

export function passLate(work: Work): Work {
  return work.event.late ? { ...work, outcome: "handled" } : work;
}
