import type { ChatLogRow } from "#workers/domain/stores.ts";

export function chatLogRowOf(changed: Partial<ChatLogRow> = {}): ChatLogRow {
  return {
    channelId: "18446744073709551615",
    userHash: "hash",
    roomName: "방",
    sender: "민수",
    message: "안녕하세요",
    directive: null,
    messageType: "normal",
    isMeaningful: false,
    botName: "bot",
    isMention: false,
    isGroupChat: true,
    logId: "3001",
    clientAtMs: Date.UTC(2024, 0, 1, 3, 0, 0),
    serverAtMs: Date.UTC(2024, 0, 1, 3, 0, 1, 999),
    isBot: false,
    isOurBotResponse: false,
    isScheduled: false,
    ...changed,
  };
}
