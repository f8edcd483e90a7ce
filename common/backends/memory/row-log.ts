import type { Lane } from "#common/contract/ids.ts";
import { laneCount, type Topology } from "#common/contract/lanes.ts";
import { limits } from "#common/contract/limits.ts";
import { type Clock, pause } from "#common/kernel/clock.ts";
import type { RowEntry, RowLog } from "#common/ports/row-log.ts";
import { MemoryLog } from "./log.ts";

export class MemoryRowLog implements RowLog {
  readonly #clock: Clock;
  readonly #logs: readonly MemoryLog<readonly string[]>[];

  constructor(topology: Topology, clock: Clock) {
    this.#clock = clock;
    this.#logs = Array.from({ length: laneCount(topology) }, () => new MemoryLog(clock));
  }

  /** For the commit of a lane only. */
  add(lane: Lane, rows: readonly string[]): void {
    this.#log(lane).add(rows);
  }

  /** For the lanes only. */
  raise(lane: Lane, id: string): boolean {
    return this.#log(lane).raise(id);
  }

  async read(cursors: ReadonlyMap<Lane, string>, waitMs: number): Promise<readonly RowEntry[]> {
    const found = this.#look(cursors);
    if (found.length > 0 || waitMs === 0) return found;
    await pause(this.#clock, waitMs);
    return this.#look(cursors);
  }

  async trim(lane: Lane, upTo: string): Promise<void> {
    this.#log(lane).trim(upTo);
  }

  async backlog(lanes: readonly Lane[]): Promise<number> {
    return lanes.reduce((sum, lane) => sum + this.#log(lane).length, 0);
  }

  #log(lane: Lane): MemoryLog<readonly string[]> {
    return this.#logs[lane] as MemoryLog<readonly string[]>;
  }

  #look(cursors: ReadonlyMap<Lane, string>): readonly RowEntry[] {
    const found: RowEntry[] = [];
    let rows = 0;
    for (const [lane, after] of cursors) {
      for (const { id, value } of this.#log(lane).after(after, limits.rowsPerTransactionMax)) {
        rows += value.length;
        if (rows > limits.rowsPerTransactionMax && found.length > 0) return found;
        found.push({ lane, id, rows: value });
      }
    }
    return found;
  }
}
