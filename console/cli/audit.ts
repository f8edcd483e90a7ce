/** `moa audit`: what operators changed. */
import type { Command } from "commander";
import type { AuditRow } from "#common/ports/administration.ts";
import type { Desk } from "./desk.ts";
import { tableOf } from "./print.ts";

export function addAudit(program: Command, desk: Desk): void {
  program
    .command("audit")
    .description("what operators changed, the newest first")
    .option("--limit <rows>", "at most so many")
    .action(async ({ limit }: { readonly limit?: string }) => {
      const request = { method: "GET", path: "audit", query: { limit } } as const;
      const answer = await desk.pods.one<{ audit: readonly AuditRow[] }>(request);
      const rows = answer.audit.map((one) => [
        ...[new Date(one.at).toISOString(), one.who, one.from],
        ...[one.action, one.subject, one.before, one.after],
      ]);
      desk.show(answer, tableOf(["at", "who", "from", "action", "subject", "before", "after"], rows));
    });
}
