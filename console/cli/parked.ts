/** `moa parked`: events put aside for a person. */
import type { Command } from "commander";
import type { ParkedEntry } from "#common/ports/parked-events.ts";
import type { Desk } from "./desk.ts";
import { ageOf, printable, tableOf } from "./print.ts";

type ParkedRow = Omit<ParkedEntry, "lane" | "entry"> & { readonly ref: string };

interface ParkedEvent {
  readonly id: string;
  readonly reason: string;
  readonly event: string;
}

export function addParked(program: Command, desk: Desk): void {
  const group = program.command("parked").description("events put aside for a person");
  group
    .command("list")
    .description("parked events, the oldest first")
    .option("--limit <rows>", "at most so many")
    .action(async ({ limit }: { readonly limit?: string }) => {
      const request = { method: "GET", path: "parked", query: { limit } } as const;
      const answer = await desk.pods.one<{ parked: readonly ParkedRow[] }>(request);
      const nowMs = desk.surroundings.nowMs();
      const rows = answer.parked.map((one) => [one.ref, one.reason, ageOf(nowMs - one.atMs), one.bot, one.channel]);
      desk.show(answer, tableOf(["ref", "reason", "age", "bot", "channel"], rows));
    });
  group
    .command("show <ref>")
    .description("one parked event whole, with what was said")
    .action(async (ref: string) => {
      const answer = await desk.pods.one<ParkedEvent>({ method: "GET", path: "parked/event", query: { ref } });
      desk.show(answer, textOf(answer));
    });
  addAct(group, desk, ["rerun", "append it to its lane again"]);
  addAct(group, desk, ["drop", "forget it"]);
}

function addAct(group: Command, desk: Desk, [act, help]: readonly ["rerun" | "drop", string]): void {
  group
    .command(`${act} <ref>`)
    .description(help)
    .action(async (ref: string) => {
      const answer = await desk.pods.one<object>({ method: "POST", path: `parked/${act}`, body: { ref } });
      desk.show(answer, `${act}: ${ref}\n`);
    });
}

function textOf({ id, reason, event }: ParkedEvent): string {
  const lines = [`event   ${id}`, `reason  ${reason}`, ...fieldsOf(event)];
  return `${lines.map(printable).join("\n")}\n`;
}

function fieldsOf(event: string): readonly string[] {
  try {
    return Object.entries(JSON.parse(event) as object).map(([name, value]) => `  ${name}: ${JSON.stringify(value)}`);
  } catch {
    return [event];
  }
}
