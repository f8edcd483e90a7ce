/** `moa failover`, `moa hold`, `moa release`: an operator's hands on who writes for a bot. */
import type { Command } from "commander";
import { MoaError } from "#common/kernel/errors.ts";
import type { BotHold, FailedOver, SeenHolder, SeenWriters } from "#common/observe/writer-routes.ts";
import type { Desk } from "./desk.ts";
import { EXIT } from "./exit-codes.ts";
import { printable } from "./print.ts";

interface FailoverOptions {
  readonly to?: string;
  readonly epoch?: string;
  readonly dryRun?: true;
}

export function addFailover(program: Command, desk: Desk): void {
  program
    .command("failover <bot>")
    .description("has another connection write for the bot, without loss; waits until it does, 3 s at most")
    .option("--to <connection>", "that one, as moa why names it, instead of any that stands by")
    .option("--epoch <epoch>", "only if the writer is still the one of this epoch: for scripts that try again")
    .option("--dry-run", "says who would take, and changes nothing")
    .action(async (bot: string, { to, epoch, dryRun }: FailoverOptions) => {
      const asked = epoch === undefined ? await epochNow(desk, bot) : Number(epoch);
      const body = { bot, epoch: asked, to, dryRun };
      const done = await desk.pods.one<FailedOver>({
        method: "POST",
        path: "writer/failover",
        body,
        isRepeatable: true,
      });
      desk.show(done, `${textOf(done, asked).map(printable).join("\n")}\n`);
      if (done.outcome === "moved" && to !== undefined && done.after?.connection !== to) {
        desk.exitCode = EXIT.failed;
        desk.surroundings.err(`another than ${printable(to)} was faster\n`);
      }
    });
}

async function epochNow({ pods }: Desk, bot: string): Promise<number> {
  const { holder } = await pods.one<SeenWriters>({ method: "GET", path: "writer", query: { bot } });
  if (holder === null) throw new MoaError("not_found", `nobody writes for ${bot}: moa why ${bot}`);
  return holder.epoch;
}

function textOf({ outcome, before, after, heirs, tookMs }: FailedOver, epoch: number): readonly string[] {
  const now = `now      ${after === null ? "nobody" : nameOf(after)}`;
  if (outcome === "ended") return [`epoch ${epoch} is over already: nothing was changed`, now];
  if (outcome === "same") return ["it writes already: nothing was changed", now];
  const was = `before   ${before === null ? "" : nameOf(before)}`;
  if (outcome === "moved") return [was, now, `took     ${tookMs} ms`];
  const who = heirs.length === 1 ? "this one would take" : "the first of these that hears of it would take";
  const named = heirs.map(({ connection, device, pod }) => `  ${connection} of ${device} on ${pod}`);
  return [was, `${who}; nothing was changed:`, ...named];
}

export function nameOf({ connection, device, pod, epoch }: SeenHolder): string {
  return `${connection} of ${device} on ${pod}, epoch ${epoch}`;
}

export function addHold(program: Command, desk: Desk): void {
  addPause(program, desk, ["hold", "writes nothing more for the bot until it is released"]);
  addPause(program, desk, ["release", "takes a hold back"]);
}

function addPause(program: Command, desk: Desk, [verb, help]: readonly ["hold" | "release", string]): void {
  program
    .command(`${verb} <bot>`)
    .description(help)
    .action(async (bot: string) => {
      const answer = await desk.pods.one<BotHold>({
        method: "POST",
        path: `writer/${verb}`,
        body: { bot },
        isRepeatable: true,
      });
      const { before, after, known } = answer;
      const state = after ? "held" : "not held";
      desk.show(answer, `${printable(bot)}: ${before === after ? `is ${state} already` : state}\n`);
      if (!known) desk.surroundings.err("nobody knows a bot of that name: it counts once one connects\n");
    });
}
