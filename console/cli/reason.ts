/**
 * Why a bot is written for, or is not, in one sentence, and the way out. Pure. What stands in the way is looked for from
 * the outside in:
 *
 *   held by an operator ─> nobody writes (somebody could, is not admitted, or is not there) ─> the writer's pod is gone
 *   ─> the writer is gone or dead ─> what it wrote waits for an echo ─> what an operator must decide ─> nothing
 */
import type { SeenConnection } from "#common/observe/connection-routes.ts";
import type { SeenCandidate, SeenHolder, SeenWriters } from "#common/observe/writer-routes.ts";
import { ageOf } from "./print.ts";

export interface Reason {
  readonly why: string;
  /** Empty when there is nothing to be done. */
  readonly wayOut: string;
}

/** Of a writer with traffic, what is older than this is looked into: a dead one is found within 5 s. */
const SLOW_MS = 10_000;

/**
 * @param here connections of the bot on the gateways that answered
 * @param answered names of the pods that did
 */
export function reasonOf(seen: SeenWriters, here: readonly SeenConnection[], answered: readonly string[]): Reason {
  const { bot, paused, holder, waiting } = seen;
  if (paused) return { why: `an operator holds it; ${waitingText(waiting)}`, wayOut: `moa release ${bot}` };
  const standbys = seen.candidates.filter((one) => one.podLives && one.connection !== holder?.connection);
  if (holder === null) return nobody(seen, here, standbys);
  if (!holder.podLives) return podGone(holder, standbys);
  const connection = here.find(({ id }) => id === holder.connection);
  if (connection === undefined && answered.includes(holder.pod)) {
    return { why: "the writer's connection has just ended; its pod gives the place up", wayOut: again(bot) };
  }
  if (connection?.role === "zombie") {
    return { why: "the writer was found dead; another takes over, or its phone comes again", wayOut: again(bot) };
  }
  return writes(seen, standbys);
}

function nobody(
  { bot, former }: SeenWriters,
  here: readonly SeenConnection[],
  standbys: readonly SeenCandidate[],
): Reason {
  if (standbys.length > 0) {
    const why = `nobody writes, though ${counted(standbys.length, "connection")} could: one takes over within a second`;
    return { why, wayOut: `${again(bot)} If it stays so, the log of ${standbys[0]?.pod} says why.` };
  }
  const [refused] = here.filter(({ role }) => role === "unadmitted");
  if (refused !== undefined) {
    const { device, status, signature } = refused;
    const why = `nobody writes: ${device} is connected and not let in (approval ${status}, signature ${signature ?? "none"})`;
    return {
      why,
      wayOut:
        status === "approved" ? "It must sign: see its key in MOA_HMAC_KEYS." : `moa devices approve ${bot} ${device}`,
    };
  }
  const since = former === null ? "" : `; the phone has not come back since ${timeOf(former.declaredAt)}`;
  const wayOut = "Phones dial again by themselves within a minute: look at the phone.";
  return { why: `nobody writes: no connection is enrolled${since}`, wayOut };
}

function podGone({ pod }: SeenHolder, standbys: readonly SeenCandidate[]): Reason {
  if (standbys.length > 0) {
    return { why: `the writer's pod ${pod} is gone; a standby takes over within 4 s`, wayOut: "" };
  }
  const why = `the writer's pod ${pod} is gone, and nobody stands by; the phone dials again`;
  return {
    why,
    wayOut: "If it does not come within a minute, look at the phone, and whether a gateway takes connections.",
  };
}

function writes({ bot, waiting, oldestMs, held }: SeenWriters, standbys: readonly SeenCandidate[]): Reason {
  if (waiting > 0) {
    const why = `${waitingText(waiting)} for a barrier's echo, the oldest for ${ageOf(oldestMs ?? 0)}`;
    if ((oldestMs ?? 0) < SLOW_MS) return { why, wayOut: "" };
    const slow = "The phone reads slowly, or is showing pictures.";
    return { why, wayOut: standbys.length > 0 ? `${slow} If it stays so: moa failover ${bot}` : slow };
  }
  if (held > 0)
    return { why: `it writes; ${counted(held, "action")} for you to decide on`, wayOut: `moa held ${bot} list` };
  return { why: "it writes, and nothing waits", wayOut: "" };
}

function waitingText(waiting: number): string {
  return waiting === 0 ? "nothing waits" : `${counted(waiting, "action")} wait${waiting === 1 ? "s" : ""}`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function again(bot: string): string {
  return `Look again: moa why ${bot}.`;
}

export function timeOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
