/** The tables of moa as kysely sees them; the migrations are the truth. */
import type { ColumnType, Generated } from "kysely";

/** DATETIME(3) in UTC; the server's clock unless given. */
type Moment = ColumnType<Date, Date | undefined, Date>;

export interface Schema {
  /** Highest epoch that a turn of the lane came with. */
  moa_lanes: { lane: number; epoch: number };
  /** Stream id up to which the lane's chat-log rows are in kb_chat_logs. */
  moa_lane_position: { lane: number; position: string; updated_at: Moment };
  /** Events whose changes are made. */
  moa_seen_events: { event: string; lane: number; at: Moment };
  /** Actions that must not be lost with Redis; `ordinal` is their place in the event's decision. */
  moa_outbox: {
    action_id: string;
    event: string;
    ordinal: number;
    lane: number;
    bot: string;
    deadline: ColumnType<Date, Date, never>;
    action: string;
    /** `open`, or the ReceiptState that closed it. */
    state: Generated<string>;
    created_at: Moment;
    closed_at: ColumnType<Date | null, never, Date>;
  };
}
