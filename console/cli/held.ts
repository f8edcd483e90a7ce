/** `moa held`: actions of which a failover left unknown whether they were shown, for a person to decide. */
import { Argument, type Command } from "commander";
import { MoaError } from "#common/kernel/errors.ts";
import type { SeenHeld } from "#common/observe/held-routes.ts";
import type { Desk } from "./desk.ts";
import { ageOf, tableOf } from "./print.ts";

type Act = "list" | "resend" | "discard";

interface Given {
  readonly bot: string;
  readonly act: Act;
  readonly id: string | undefined;
}

export function addHeld(program: Command, desk: Desk): void {
  program
    .command("held <bot>")
    .addArgument(new Argument("<act>").choices(["list", "resend", "discard"]))
    .argument("[id]", "of the action, for resend and discard")
    .description("actions that may have been shown before a failover: list, show after all, or forget them")
    .action(async (bot: string, act: Act, id: string | undefined) => {
      if (act === "list") await list(desk, bot);
      else await decide(desk, { bot, act, id });
    });
}

async function list(desk: Desk, bot: string): Promise<void> {
  const answer = await desk.pods.one<{ held: readonly SeenHeld[] }>({ method: "GET", path: "held", query: { bot } });
  const rows = answer.held.map(({ id, ageMs, channel, room, says }) => [id, ageOf(ageMs), channel, room, says]);
  desk.show(answer, tableOf(["id", "age", "channel", "room", "says"], rows));
}

async function decide(desk: Desk, { bot, act, id }: Given): Promise<void> {
  if (id === undefined) throw new MoaError("asked_wrongly", `which one? moa held ${bot} list names them`);
  const answer = await desk.pods.one<object>({ method: "POST", path: `held/${act}`, body: { bot, id } });
  desk.show(answer, `${act}: ${id}\n`);
}
