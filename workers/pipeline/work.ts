/** What the pipeline's steps hand on: one chat event on its way from the lane to its commit. */
import type { Approvals } from "#common/access/approvals.ts";
import type { ChatEvent } from "#common/contract/envelope.ts";
import type { BotName, ChannelId, EventId, Lane } from "#common/contract/ids.ts";
import type { Clock } from "#common/kernel/clock.ts";
import type { Random } from "#common/kernel/random.ts";
import type { Log } from "#common/observe/logger.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import type { Tracing } from "#common/observe/tracing.ts";
import type { EventOutcome } from "#common/ports/lane-log.ts";
import type { EnqueueOutcome, OutboxDecision } from "#common/ports/outbox.ts";
import type { AutoReply } from "#workers/domain/auto-reply.ts";
import type { Command } from "#workers/domain/command.ts";
import type { Decision, Reply } from "#workers/domain/decision.ts";
import type { Parsed } from "#workers/domain/parse.ts";
import type { OutboxRows, TurnStore } from "#workers/domain/stores.ts";

/** The lane that the event came from, as its owner knows it. */
export interface LaneContext {
  readonly lane: Lane;
  readonly epoch: number;
  readonly seen: { has(event: EventId): boolean };
}

export interface Work {
  readonly event: ChatEvent;
  readonly from: LaneContext;
  readonly parsed: Parsed | null;
  /** Set where a rule answers in an operator's name: what is said before what its command says. */
  readonly opening?: readonly Reply[];
  readonly decision: Decision | null;
  /** Set by the step that ends the way; null while it goes on. */
  readonly outcome: EventOutcome | null;
  /** Why it was parked. */
  readonly reason?: string;
}

/** What steps may use. One object for the whole worker. */
export interface Tools {
  readonly commands: readonly Command[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly tracing: Pick<Tracing, "root" | "next">;
  readonly turns: TurnStore;
  readonly outboxRows: OutboxRows;
  readonly approvals: Pick<Approvals, "room">;
  /** Undefined: the room has no rules. A look into a map. */
  readonly autoReplies: { of(bot: BotName, channel: ChannelId): readonly AutoReply[] | undefined };
  readonly actionTtlMs: number;
  /** One call per tag at a time; resolves when the outbox answered. */
  enqueue(decision: OutboxDecision): Promise<EnqueueOutcome>;
}

export type Step = (work: Work, tools: Tools) => Work | Promise<Work>;
