/**
 * What crosses Redis between the pods. Append-only: a field may be added, never renamed or given another meaning, and
 * a reader keeps fields it does not know (ADR 0007). `v` changes only when an older reader could not cope.
 */
import type { BotName, ChannelId, EventId } from "./ids.ts";

/** A line of chat that a connection reported. Times are epoch milliseconds. */
export interface ChatEvent {
  readonly v: 1;
  readonly kind: "chat";
  readonly id: EventId;
  readonly bot: BotName;
  readonly channel: ChannelId;
  /** The room's name as the phone shows it now: answers are addressed by it, and it may change. */
  readonly room: string;
  readonly sender: string;
  readonly userHash: string;
  readonly text: string;
  readonly logId: string | null;
  readonly isGroupChat: boolean;
  readonly isMention: boolean;
  /** The phone's own clock, or null when it said none that could be read. Never used for decisions. */
  readonly clientAt: number | null;
  /** When the gateway had the whole frame. `now` of the turn: a re-run decides the same. */
  readonly receivedAt: number;
  /** Version that the client of that connection told of itself, or empty. Absent from older gateways. */
  readonly clientVersion?: string;
  /** W3C traceparent of the sampled turn. */
  readonly trace?: string;
  /** Read after the bot's tenure had gone elsewhere: logged and counted, never run as a command (ADR 0003). */
  readonly late?: true;
  /** It was in the lane already, since then by its store's clock, and put there again after a loss (ADR 0010). Epoch ms. */
  readonly loggedAt?: number;
  /** Device of the connection that reported it, never what the line itself claims. Absent from older gateways. */
  readonly device?: string;
  /** That device was not approved when the line was read: on record, never run as a command, never answered. */
  readonly unapproved?: true;
  /** It was put aside when it had its row in the chat log already: run again it gets no second one. */
  readonly onRecord?: true;
}

/** What became of an action that asked for a receipt. */
export type ReceiptState = "written" | "confirmed" | "expired" | "held";

/** Goes into the lane of the action's room, so that it is handled like any other event, in order. */
export interface ReceiptEvent {
  readonly v: 1;
  readonly kind: "receipt";
  readonly id: EventId;
  readonly bot: BotName;
  readonly channel: ChannelId;
  readonly action: string;
  readonly state: ReceiptState;
  readonly receivedAt: number;
  readonly loggedAt?: number;
  readonly trace?: string;
}

export type InboundEvent = ChatEvent | ReceiptEvent;

interface ActionBase {
  readonly v: 1;
  /** `<event id>:<index>`, see actionIdOf. */
  readonly id: string;
  readonly bot: BotName;
  readonly channel: ChannelId;
  readonly room: string;
  /** Epoch ms. Not shown after it. Derived from the event's receivedAt, so that a re-run has the same. */
  readonly deadline: number;
  /** Asks for a receipt in the room's lane. Set on what MySQL keeps an outbox row of. */
  readonly receipt?: true;
  /**
   * What to do when a failover leaves unknown whether it was shown. Absent: `resend`, labelled. `drop` for chatter,
   * `hold` for money: an operator decides.
   */
  readonly inDoubt?: "drop" | "hold";
  /** When the gateway had the line that this answers, epoch ms. Absent on what answers nothing. */
  readonly askedAt?: number;
  /** Asked for before a loss of Redis, and put into the outbox after it: it may have been shown (ADR 0010). */
  readonly again?: true;
  readonly trace?: string;
}

export interface TextAction extends ActionBase {
  readonly kind: "text";
  readonly text: string;
}

/** `base64` without a `data:` prefix, `url` as http(s). A phone can show base64 as images only. */
export interface MediaItem {
  readonly form: "base64" | "url";
  readonly value: string;
}

export interface MediaAction extends ActionBase {
  readonly kind: "media";
  readonly media: "image" | "audio" | "video" | "document";
  readonly items: readonly MediaItem[];
  /** How long the phone waits in KakaoTalk after sharing, ms; the platform clamps it. Absent = the phone's own rule. */
  readonly waitMs?: number;
}

export type OutboundAction = TextAction | MediaAction;
