import type { Topology } from "#common/contract/lanes.ts";
import type { ApprovalChanges } from "#common/ports/approvals.ts";
import type { BotChannel } from "#common/ports/bot-channel.ts";
import type { LaneAppender, LaneBalances, LaneReader } from "#common/ports/lane-log.ts";
import type { Membership } from "#common/ports/membership.ts";
import type { OutboxReader, OutboxWriter } from "#common/ports/outbox.ts";
import type { ParkedEvents } from "#common/ports/parked-events.ts";
import type { RowLog } from "#common/ports/row-log.ts";

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
  readonly channel: BotChannel;
  readonly membership: Membership;
  readonly approvalChanges: ApprovalChanges;
  /** @throws MoaError redis_unavailable, server_unfit */
  start(): Promise<void>;
  /** What is in flight is rejected. */
  close(): Promise<void>;
}
