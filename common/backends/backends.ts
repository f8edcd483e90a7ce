import type { Topology } from "#common/contract/lanes.ts";
import type { ApprovalChanges } from "#common/ports/approvals.ts";
import type { BotChannel } from "#common/ports/bot-channel.ts";
import type { HeldActions } from "#common/ports/held-actions.ts";
import type { LaneAppender, LaneBalances, LaneReader } from "#common/ports/lane-log.ts";
import type { Membership } from "#common/ports/membership.ts";
import type { OutboxExpiry, OutboxReader, OutboxWriter } from "#common/ports/outbox.ts";
import type { ParkedEvents } from "#common/ports/parked-events.ts";
import type { RowLog } from "#common/ports/row-log.ts";
import type { WriterDirectory } from "#common/ports/writer-directory.ts";

/** Indices of the reach. Both empty: only what the pods know of each other may be lost, which heals by itself. */
export type LossOfReach = (shards: readonly number[], tags: readonly number[]) => void;

/** One pod's way to what the pods share, whichever technology keeps it. */
export interface Backends {
  /** What one call may touch, as a topology: its shards and tags are served by one call each. Lanes are the deployment's. */
  readonly reach: Topology;
  readonly appender: LaneAppender;
  readonly lanes: LaneReader;
  readonly balances: LaneBalances;
  readonly parked: ParkedEvents;
  readonly rows: RowLog;
  readonly outboxWriter: OutboxWriter;
  readonly outboxReader: OutboxReader;
  readonly outboxExpiry: OutboxExpiry;
  readonly channel: BotChannel;
  readonly writers: WriterDirectory;
  readonly held: HeldActions;
  readonly membership: Membership;
  readonly approvalChanges: ApprovalChanges;
  /**
   * The listener is told when another store than before stands behind some shards or tags: it may lack what the former
   * acknowledged last. All calls that were under way there have failed or will, and none succeeds before the listener
   * returned: what it stops at once cannot slip in. Told more often than something is lost; never for the first store.
   */
  onLoss(listener: LossOfReach): void;
  /** @throws MoaError redis_unavailable, server_unfit */
  start(): Promise<void>;
  /** What is in flight is rejected. */
  close(): Promise<void>;
}
