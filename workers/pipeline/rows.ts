/** What goes on record of one settled event: the line itself, and what we answered. */
import type { Reply } from "#workers/domain/decision.ts";
import type { ChatLogRow } from "#workers/domain/stores.ts";
import type { Work } from "./work.ts";

/** @param nowMs the worker's clock: when our answer was decided */
export function rowsOf(work: Work, nowMs: number): readonly ChatLogRow[] {
  if (work.outcome === "duplicate") return [];
  const { event } = work;
  const directive = work.parsed === null || work.parsed.kind === "talk" ? null : work.parsed.command.directive;
  const said: ChatLogRow = {
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
  };
  if (work.outcome === "expired" || work.decision === null) return [said];
  const answer = (reply: Reply): ChatLogRow => ({
    ...said,
    // The column is NOT NULL and a bot has no user hash: its name tells its lines apart.
    userHash: event.bot,
    sender: event.bot,
    message: reply.kind === "text" ? reply.text : `[${reply.media} ${reply.items.length}]`,
    directive: null,
    messageType: "normal",
    isMention: false,
    logId: null,
    clientAtMs: null,
    serverAtMs: Math.max(nowMs, event.receivedAt),
    isBot: true,
    isOurBotResponse: true,
  });
  return [said, ...work.decision.replies.map(answer)];
}
