/** The MySQL stores in memory, with the laws of workers/stores: one transaction = one call. */
import type { EventId, Lane } from "#common/contract/ids.ts";
import { MoaError } from "#common/kernel/errors.ts";
import { decodeRows } from "#workers/domain/chat-log-row.ts";
import type { ChatLogRow, ChatLogStore, OutboxRow, OutboxRows, RowBatch, TurnStore } from "#workers/domain/stores.ts";

export class MemoryStores implements TurnStore, ChatLogStore {
  readonly #epochs = new Map<Lane, number>();
  readonly #seen = new Set<EventId>();
  readonly #positions = new Map<Lane, string>();
  readonly #outbox = new Map<string, OutboxRow & { state: string }>();
  /** Every change that was made, by event. */
  readonly effects: EventId[] = [];
  readonly rows: ChatLogRow[] = [];

  readonly outboxRows: OutboxRows = {
    close: async (action, state) => {
      const row = this.#outbox.get(action);
      if (row !== undefined && row.state !== "confirmed") row.state = state;
    },
    open: async () => [],
    expire: async () => 0,
    summary: async () => ({ open: this.openOutboxRows.length, oldestCreatedAtMs: null }),
  };

  get openOutboxRows(): readonly string[] {
    return [...this.#outbox.values()].filter(({ state }) => state === "open").map(({ id }) => id);
  }

  async apply(turn: Parameters<TurnStore["apply"]>[0]): Promise<"applied" | "repeated"> {
    const known = this.#epochs.get(turn.lane) ?? 0;
    if (turn.epoch < known) throw new MoaError("fenced", `lane ${turn.lane} is at epoch ${known}`);
    this.#epochs.set(turn.lane, turn.epoch);
    if (this.#seen.has(turn.event)) return "repeated";
    this.#seen.add(turn.event);
    for (const _change of turn.changes) this.effects.push(turn.event);
    for (const row of turn.outbox) this.#outbox.set(row.id, { ...row, state: "open" });
    return "applied";
  }

  async positions(lanes: readonly Lane[]): Promise<ReadonlyMap<Lane, string>> {
    return new Map(lanes.map((lane) => [lane, this.#positions.get(lane) ?? "0-0"]));
  }

  async append(batches: readonly RowBatch[]): Promise<"written" | "moved"> {
    if (batches.some(({ lane, from }) => (this.#positions.get(lane) ?? "0-0") !== from)) return "moved";
    for (const { lane, to, rows } of batches) {
      this.#positions.set(lane, to);
      for (const line of rows) this.rows.push(...decodeRows(line));
    }
    return "written";
  }
}
