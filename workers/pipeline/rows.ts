/**
 * What goes on record of one settled event, encoded: the line itself, and what we answered. A line that was on record when
 * it was put aside is run again days later: its answers are rows of their own then, which name the user in the place where
 * a bot's name stands, because they do not follow his line and would else not be found when he is erased.
 */
import { type Answers, answerTo, encodeRow } from "#workers/domain/chat-log-row.ts";
import type { Reply } from "#workers/domain/decision.ts";
import type { Work } from "./work.ts";

/** @param nowMs the worker's clock: when our answer was decided */
export function rowsOf(work: Work, nowMs: number): readonly string[] {
  if (work.outcome === "duplicate") return [];
  const { event } = work;
  const isAutomatic = work.opening !== undefined;
  const isTalk = isAutomatic || work.parsed === null || work.parsed.kind === "talk";
  const directive = isTalk ? null : work.parsed.command.directive;
  const said = {
    channelId: event.channel,
    userHash: event.userHash,
    roomName: event.room,
    sender: event.sender,
    message: event.text,
    directive,
    messageType: isAutomatic ? "auto_replay" : isTalk ? "normal" : "command",
    isMeaningful: false,
    botName: event.bot,
    isMention: event.isMention,
    isGroupChat: event.isGroupChat,
    logId: event.logId,
    clientAtMs: event.clientAt,
    serverAtMs: event.receivedAt,
    isBot: false,
    isOurBotResponse: false,
    isScheduled: false,
  } as const;
  const answers = answersOf(work, nowMs);
  if (!event.onRecord) return [encodeRow(said, answers)];
  const alone = (message: string) => ({ ...answerTo(said, message, answers?.atMs ?? nowMs), userHash: event.userHash });
  return (answers?.messages ?? []).map((message) => encodeRow(alone(message)));
}

function answersOf({ outcome, decision, event }: Work, nowMs: number): Answers | undefined {
  if (outcome === "expired" || decision === null || decision.replies.length === 0) return undefined;
  return { atMs: Math.max(nowMs, event.receivedAt), messages: decision.replies.map(recorded) };
}

/** What stands in the chat log for it. */
export function recorded(reply: Reply): string {
  return reply.kind === "text" ? reply.text : `[${reply.media} ${reply.items.length}]`;
}
