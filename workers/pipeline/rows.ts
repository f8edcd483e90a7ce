/** What goes on record of one settled event, encoded: the line itself, and what we answered. */
import { type Answers, encodeRow } from "#workers/domain/chat-log-row.ts";
import type { Reply } from "#workers/domain/decision.ts";
import type { Work } from "./work.ts";

/** @param nowMs the worker's clock: when our answer was decided */
export function rowsOf(work: Work, nowMs: number): readonly string[] {
  if (work.outcome === "duplicate") return [];
  const { event } = work;
  const directive = work.parsed === null || work.parsed.kind === "talk" ? null : work.parsed.command.directive;
  const said = {
    channelId: event.channel,
    userHash: event.userHash,
    roomName: event.room,
    sender: event.sender,
    message: event.text,
    directive,
    messageType: directive === null ? "normal" : "command",
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
  return [encodeRow(said, answersOf(work, nowMs))];
}

function answersOf({ outcome, decision, event }: Work, nowMs: number): Answers | undefined {
  if (outcome === "expired" || decision === null || decision.replies.length === 0) return undefined;
  return { atMs: Math.max(nowMs, event.receivedAt), messages: decision.replies.map(recorded) };
}

function recorded(reply: Reply): string {
  return reply.kind === "text" ? reply.text : `[${reply.media} ${reply.items.length}]`;
}
