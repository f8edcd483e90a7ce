/**
 * The way of a chat event through a worker, step by step; each has its exit at the right.
 *
 *   decide    dedupe      handled before?                                     -> duplicate
 *             passLate    read after the bot's tenure had gone elsewhere?     -> handled: logged, never run
 *             parse       text -> command, prompt, parameters                 -> handled: ordinary talk
 *             run         command(turn) -> Decision                           -> parked: threw, or ran too long
 *   carryOut  commit      changes to MySQL, replies to the outbox             -> expired: nobody waits for the answer
 *
 * The lane commit (seen id, chat-log rows, position) follows in the lane's owner, when this has settled. Rooms and users,
 * filters, auto-replies, permits and throttles take their places between passLate and run.
 */
import { commit } from "./steps/commit.ts";
import { dedupe } from "./steps/dedupe.ts";
import { parse } from "./steps/parse.ts";
import { passLate } from "./steps/pass-late.ts";
import { run } from "./steps/run.ts";
import type { Step, Tools, Work } from "./work.ts";

const deciding: readonly Step[] = [dedupe, passLate, parse, run];

/** Resolves with a work that has an outcome, or a decision to carry out. */
export async function decide(work: Work, tools: Tools): Promise<Work> {
  let current = work;
  for (const step of deciding) {
    const next = step(current, tools);
    current = next instanceof Promise ? await next : next;
    if (current.outcome !== null) return current;
  }
  return current;
}

/** Resolves with a work whose outcome is set. Rejects with fenced when a newer owner of the lane exists. */
export async function carryOut(work: Work, tools: Tools): Promise<Work> {
  return work.outcome === null ? commit(work, tools) : work;
}
