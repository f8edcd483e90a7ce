/**
 * The names by which gateway and worker pods speak of the same thing. Plain strings on the wire; the aliases say which.
 */
import { hash } from "node:crypto";

/** A bot as the fleet knows it (`BOT_CONFIG.BOT_NAME` on the phone). One bot is one logical client. */
export type BotName = string;
/** A room's id on its chat network: a decimal string of up to 64 bits. Never a JavaScript number. */
export type ChannelId = string;
/** 16 lower-case hex digits: 64 bits of a SHA-256. The unit of dedupe at every sink. */
export type EventId = string;
/** One run of one pod: `<pod name>.<random>`. A pod that missed its life key takes a new one. */
export type MemberId = string;
/** One physical socket: unique over all pods and restarts. */
export type ConnectionId = string;
/** 0 .. lanes - 1. */
export type Lane = number;

/**
 * Event id of a chat line that carries the network's own log id. Two phones of one bot that report the same line
 * give the same id.
 */
export function eventIdOfLog(bot: BotName, channel: ChannelId, logId: string): EventId {
  return hash("sha256", `log\0${bot}\0${channel}\0${logId}`, "hex").slice(0, 16);
}

/** Event id of a line without log id: a phone that sends a queued frame again sends identical bytes. */
export function eventIdOfFrame(bot: BotName, frame: Uint8Array): EventId {
  const digest = hash("sha256", frame, "hex");
  return hash("sha256", `frame\0${bot}\0${digest}`, "hex").slice(0, 16);
}

/**
 * The id of a line that nobody vouches for: its device is not approved, or its signature does not hold where that is
 * only warned of. A space of its own: whoever guesses a coming log id could else have the true line taken for a repeat.
 */
export function untrustedIdOf(id: EventId): EventId {
  return hash("sha256", `untrusted\0${id}`, "hex").slice(0, 16);
}

/** What a late line is remembered as where events are handled: its copy that was not late is still to be run. */
export function lateIdOf(id: EventId): EventId {
  return hash("sha256", `late\0${id}`, "hex").slice(0, 16);
}

/** The id under which one sending of a schedule is known to every sink. @param dueMs when it was due, epoch ms */
export function eventIdOfSchedule(schedule: number, dueMs: number): EventId {
  return hash("sha256", `schedule\0${schedule}\0${dueMs}`, "hex").slice(0, 16);
}

/** Id of the n-th action of a decision: the same on every re-run, so each sink can tell a repeat. */
export function actionIdOf(event: EventId, index: number): string {
  return `${event}:${index}`;
}

/** 16 hex digits that tell actions apart as well as their events' do. */
export function digestOfAction(id: string): EventId {
  const event = id.slice(0, 16);
  const index = Number(id.slice(17));
  if (index === 0) return event;
  const low = (Number.parseInt(event.slice(8), 16) ^ Math.imul(index, 0x9e3779b1)) >>> 0;
  return event.slice(0, 8) + low.toString(16).padStart(8, "0");
}
