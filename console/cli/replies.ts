/** `moa replies`: what bots answer by themselves, room by room. */
import type { Command } from "commander";
import type { Desk } from "./desk.ts";
import { tableOf } from "./print.ts";

interface Rule {
  readonly id: number;
  readonly bot: string;
  readonly channel: string;
  readonly place: number;
  readonly pattern: string;
  readonly reply: string;
  readonly command: string | null;
}

interface Changed {
  readonly added?: number;
  readonly removed?: number;
  readonly announced: boolean;
}

export function addReplies(program: Command, desk: Desk): void {
  const group = program.command("replies").description("what bots answer by themselves, by rules of a room");
  group
    .command("list")
    .description("rules, room by room, in their order")
    .option("--bot <bot>", "only of this bot")
    .option("--limit <rows>", "at most so many")
    .action(async ({ bot, limit }: { readonly bot?: string; readonly limit?: string }) => {
      const request = { method: "GET", path: "replies", query: { bot, limit } } as const;
      const answer = await desk.pods.one<{ replies: readonly Rule[] }>(request);
      const rows = answer.replies.map((one) => [
        ...[one.id, one.bot, one.channel, one.place],
        ...[one.pattern, one.reply, one.command],
      ]);
      desk.show(answer, tableOf(["id", "bot", "channel", "place", "trigger", "reply", "command"], rows));
    });
  group
    .command("add <bot> <channel> <trigger>")
    .description("answer lines that begin with what the trigger, a regular expression, says")
    .option("--reply <text>", "say this; {{USERNAME}}, {{TIME}} and {{DATE}} are filled")
    .option("--command <line>", "then run this, as if it had been said")
    .option("--place <number>", "of several rules that fit the lowest answers; 100 unless said")
    .action(async (...[bot, channel, trigger, options]: readonly [string, string, string, object]) => {
      await change(desk, "replies", { bot, channel, trigger, ...options });
    });
  group
    .command("remove <id>")
    .description("answer no more by this rule")
    .action((id: string) => change(desk, "replies/remove", { id }));
}

async function change(desk: Desk, path: string, body: object): Promise<void> {
  const answer = await desk.pods.one<Changed>({ method: "POST", path, body });
  const done = answer.added === undefined ? `removed: ${answer.removed}` : `added: ${answer.added}`;
  desk.show(answer, `${done}\n`);
  if (!answer.announced) desk.surroundings.err("made, but not announced: workers see it within a minute\n");
}
