/** `moa schedules`: what bots send by the clock, and what became of it. */
import type { Command } from "commander";
import type { Desk } from "./desk.ts";
import { tableOf } from "./print.ts";

interface Schedule {
  readonly id: number;
  readonly title: string;
  readonly bot: string;
  readonly channel: string;
  readonly kind: string;
  readonly status: string;
  readonly next: string | null;
  readonly last: string | null;
  readonly sent: number;
}

interface Sending {
  readonly due: string | null;
  readonly started: string | null;
  readonly completed: string | null;
  readonly tookMs: number | null;
  readonly status: string;
  readonly components: string | null;
  readonly why: string | null;
}

interface Shown {
  readonly schedule: Schedule & { readonly says: string | null };
  readonly logs: readonly Sending[];
}

export function addSchedules(program: Command, desk: Desk): void {
  const group = program.command("schedules").description("what bots send by the clock (Korean time)");
  group
    .command("list")
    .description("schedules, those that are due next first")
    .option("--bot <bot>", "only of this bot")
    .option("--limit <rows>", "at most so many")
    .action(async ({ bot, limit }: { readonly bot?: string; readonly limit?: string }) => {
      const request = { method: "GET", path: "schedules", query: { bot, limit } } as const;
      const answer = await desk.pods.one<{ schedules: readonly Schedule[] }>(request);
      desk.show(answer, tableOfSchedules(answer.schedules));
    });
  group
    .command("show <id>")
    .description("one schedule with its text, and its last sendings")
    .action(async (id: string) => {
      const answer = await desk.pods.one<Shown>({ method: "GET", path: "schedule", query: { id } });
      const { schedule, logs } = answer;
      const rows = logs.map((one) => [
        one.due,
        one.status,
        one.started,
        one.completed,
        one.tookMs,
        one.components,
        one.why,
      ]);
      const head = ["due", "status", "started", "completed", "took ms", "sent", "why"];
      const says = tableOf(["says"], [[schedule.says]]);
      desk.show(answer, `${tableOfSchedules([schedule])}\n${says}\n${tableOf(head, rows)}`);
    });
}

function tableOfSchedules(all: readonly Schedule[]): string {
  const rows = all.map((one) => [
    ...[one.id, one.title, one.bot, one.channel, one.kind],
    ...[one.status, one.next, one.last, one.sent],
  ]);
  return tableOf(["id", "title", "bot", "channel", "kind", "status", "next", "last", "sent"], rows);
}
