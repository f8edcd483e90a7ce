/** The twin of the parked events: the same laws as ../redis/parked.ts and its scripts. */
import type { ChatEvent } from "#common/contract/envelope.ts";
import type { Lane } from "#common/contract/ids.ts";
import { limits } from "#common/contract/limits.ts";
import type { Clock } from "#common/kernel/clock.ts";
import type { ParkedEvent } from "#common/ports/lane-log.ts";
import type { ParkedEntry, ParkedEvents, ParkedRef } from "#common/ports/parked-events.ts";
import { MemoryLog } from "./log.ts";

export class MemoryParkedEvents implements ParkedEvents {
  readonly #lanes: readonly MemoryLog<ParkedEvent>[];
  readonly #again: (lane: Lane, event: string) => void;

  /** @param again appends the event to the lane */
  constructor(lanes: number, clock: Clock, again: (lane: Lane, event: string) => void) {
    this.#lanes = Array.from({ length: lanes }, () => new MemoryLog(clock));
    this.#again = again;
  }

  add(lane: Lane, events: readonly ParkedEvent[]): void {
    const log = this.#log(lane);
    for (const event of events) log.add(event);
    const tooMany = log.length - limits.parkedPerLaneMax;
    if (tooMany > 0) log.trim(log.after("0-0", tooMany).at(-1)?.id ?? "0-0");
  }

  count(lane: Lane): number {
    return this.#log(lane).length;
  }

  async list(limit: number): Promise<readonly ParkedEntry[]> {
    return this.#lanes.flatMap((log, lane) =>
      log.after("0-0", limit).map(({ id: entry, ms: atMs, value: { id, reason, event } }) => {
        return { lane, entry, id, reason, atMs, ...placeOf(event) };
      }),
    );
  }

  async find({ lane, entry }: ParkedRef) {
    return this.#log(lane).get(entry) ?? null;
  }

  async rerun(ref: ParkedRef, event: string): Promise<boolean> {
    if (!(await this.drop(ref))) return false;
    this.#again(ref.lane, event);
    return true;
  }

  async drop({ lane, entry }: ParkedRef): Promise<boolean> {
    return this.#log(lane).remove(entry);
  }

  #log(lane: Lane): MemoryLog<ParkedEvent> {
    return this.#lanes[lane] as MemoryLog<ParkedEvent>;
  }
}

function placeOf(event: string): Pick<ParkedEntry, "bot" | "channel"> {
  try {
    const { bot = "", channel = "" } = JSON.parse(event) as Partial<ChatEvent>;
    return { bot, channel };
  } catch {
    return { bot: "", channel: "" };
  }
}
