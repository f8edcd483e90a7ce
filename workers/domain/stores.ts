/**
 * What the worker needs of MySQL, in the worker's words; workers/stores implements it. Every call rejects with MoaError
 * mysql_unavailable when the database did not answer: it may or may not have been applied, and may be made again.
 */
import type { EventId, Lane } from "#common/contract/ids.ts";
import type { Change, Reply } from "./decision.ts";
import type { Times } from "./schedules.ts";

export interface OutboxRow {
  /** Action id. */
  readonly id: string;
  readonly bot: string;
  readonly deadline: number;
  /** The encoded action. */
  readonly action: string;
}

/** Design 3, promise 2: changes, the seen event id and the outbox rows in one transaction, fenced by the lane's epoch. */
export interface TurnStore {
  /**
   * `repeated`: the event's changes are there already; its outbox rows are offered again all the same.
   * @throws MoaError fenced when a newer owner of the lane has been here
   */
  apply(turn: {
    readonly lane: Lane;
    readonly epoch: number;
    readonly event: EventId;
    readonly changes: readonly Change[];
    readonly outbox: readonly OutboxRow[];
  }): Promise<"applied" | "repeated">;
}

export interface OpenOutboxRow extends OutboxRow {
  readonly event: EventId;
  readonly lane: Lane;
  readonly createdAtMs: number;
}

/** Rows stay open until their receipt. */
export interface OutboxRows {
  close(actionId: string, state: string): Promise<void>;
  /** Oldest first, an event's rows together in order; created before `createdBeforeMs`; of events beyond that of `after`. */
  open(createdBeforeMs: number, limit: number, after?: OpenOutboxRow | null): Promise<readonly OpenOutboxRow[]>;
  /** Closes open rows whose deadline was before, some at a time. @returns how many */
  expire(deadlineBeforeMs: number): Promise<number>;
  summary(): Promise<{ readonly open: number; readonly oldestCreatedAtMs: number | null }>;
}

/** One small step of a long deletion. */
export interface DeletedBatch<Table extends string = string> {
  readonly table: Table;
  readonly rows: number;
}

/** One line of kb_chat_logs. Times in epoch ms; the store writes them as Korean wall clock, as the original did. */
export interface ChatLogRow {
  readonly channelId: string;
  readonly userHash: string;
  readonly roomName: string | null;
  readonly sender: string | null;
  readonly message: string;
  readonly directive: string | null;
  readonly messageType: "normal" | "command" | "auto_replay" | "scheduled";
  readonly isMeaningful: boolean;
  readonly botName: string;
  readonly isMention: boolean;
  readonly isGroupChat: boolean;
  readonly logId: string | null;
  readonly clientAtMs: number | null;
  readonly serverAtMs: number;
  readonly isBot: boolean;
  readonly isOurBotResponse: boolean;
  readonly isScheduled: boolean;
}

export interface RowBatch {
  readonly lane: Lane;
  /** Position that MySQL must still hold, and the one it gets. */
  readonly from: string;
  readonly to: string;
  /** Encoded (chat-log-row.ts), in order. What cannot be read is left out, logged and counted. */
  readonly rows: readonly string[];
}

/** The row writer's sink: rows and positions in one transaction, so that a row is there exactly once. */
export interface ChatLogStore {
  positions(lanes: readonly Lane[]): Promise<ReadonlyMap<Lane, string>>;
  /**
   * Lines said before `sureFromMs` may be on record already: those that are, with the answers that follow them, are left
   * out.
   * @returns `moved`: a position was not `from` any more, nothing was written; read the positions again
   */
  append(batches: readonly RowBatch[], sureFromMs: number): Promise<"written" | "moved">;
}

/** A schedule whose time has come, by what is on record as that time; null: it was never looked at. Epoch ms. */
export interface DueSchedule {
  readonly id: number;
  readonly knownMs: number | null;
}

export interface Schedule extends DueSchedule {
  readonly bot: string;
  readonly channel: string;
  readonly times: Times;
  /** What is sent, in its order, and which part of the schedule each is: `text`, `images_1`, `images_2`. */
  readonly parts: readonly { readonly name: string; readonly reply: Reply }[];
  /** What of it cannot be sent, in words for an operator; empty when all can. */
  readonly lacks: string;
  /** The room's name as the phone last said it; null: no phone of the bot has it approved. */
  readonly room: string | null;
}

/** What becomes of a due time. All of it or nothing is kept. */
export interface Sending {
  readonly schedule: Schedule;
  readonly atMs: number;
  readonly nextMs: number | null;
  readonly status: "active" | "completed" | "error";
  /** null: nothing is to be said of it. */
  readonly log: {
    readonly dueMs: number;
    readonly status: "pending" | "failed" | "missed";
    readonly why: string;
  } | null;
  /** Empty unless it is sent. */
  readonly actions: readonly OpenOutboxRow[];
  readonly rows: readonly ChatLogRow[];
}

export type SendingOutcome = "success" | "partial" | "failed";

export interface ScheduleStore {
  /** By their time, then by id; beyond the one given. Those that were never looked at come first. */
  due(atMs: number, limit: number, after: DueSchedule | null): Promise<readonly DueSchedule[]>;
  /** null: it is due no more. */
  find(due: DueSchedule): Promise<Schedule | null>;
  /** In one transaction. False: somebody else was first, nothing was done. */
  keep(sending: Sending): Promise<boolean>;
  /** Says of the sendings whose receipts have come what became of them, some after others, each once. */
  settle(): AsyncIterable<SendingOutcome>;
}

/** A schedule as operators see it. Times are Korean wall clock, as texts. */
export interface KnownSchedule {
  readonly id: number;
  readonly title: string;
  readonly bot: string;
  readonly channel: string;
  readonly kind: Times["kind"];
  readonly status: string;
  readonly next: string | null;
  readonly last: string | null;
  readonly sent: number;
}

export interface KnownSending {
  readonly due: string | null;
  readonly started: string | null;
  readonly completed: string | null;
  readonly tookMs: number | null;
  readonly status: string;
  readonly components: string | null;
  readonly why: string | null;
}

export interface KnownSchedules {
  /** Those that are due next first, then those that are not any more. */
  list(bot: string | null, limit: number): Promise<readonly KnownSchedule[]>;
  show(id: number): Promise<(KnownSchedule & { readonly says: string | null }) | null>;
  /** Newest first. */
  logs(id: number, limit: number): Promise<readonly KnownSending[]>;
}
