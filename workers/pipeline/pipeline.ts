/**
 * The way of a chat event through a worker, step by step; each has its exit at the right.
 *
 *   decide   dedupe     handled before?                                     -> duplicate
 *            passLate   read after the bot's tenure had gone elsewhere?     -> handled: logged, never run
 *            admit      from an approved device, in an approved room?       -> refused: logged, never run
 *            autoReply  does a rule of the room answer it?                  -> its reply, its command instead
 *            parse      text -> command, prompt, parameters                 -> handled: ordinary talk
 *            run        command(turn) -> Decision                           -> parked: threw, or ran too long
 *   commit              changes to MySQL, replies to the outbox             -> expired: nobody waits for the answer
 *
 * The lane commit (seen id, chat-log rows, position) follows in the lane's owner, when this has settled. Users, filters,
 * permits and throttles take their places between admit and run.
 */
import { admit } from "./steps/admit.ts";
import { autoReply } from "./steps/auto-reply.ts";
import { dedupe } from "./steps/dedupe.ts";
import { parse } from "./steps/parse.ts";
import { passLate } from "./steps/pass-late.ts";
import { run } from "./steps/run.ts";
import type { Step, Tools, Work } from "./work.ts";

const deciding: readonly Step[] = [dedupe, passLate, admit, autoReply, parse, run];

/** Gives a work that has an outcome, or a decision to commit. At once, unless a command takes its time. */
export function decide(work: Work, tools: Tools): Work | Promise<Work> {
  return from(0, work, tools);
}

function from(index: number, work: Work, tools: Tools): Work | Promise<Work> {
  const step = deciding[index];
  if (step === undefined || work.outcome !== null) return work;
  const next = step(work, tools);
  return next instanceof Promise ? next.then((later) => from(index + 1, later, tools)) : from(index + 1, next, tools);
}
