import { isAfter, parseEntryId } from "#common/contract/entry-id.ts";
import type { Clock } from "#common/kernel/clock.ts";

export interface LogEntry<Value> {
  readonly id: string;
  readonly ms: number;
  readonly value: Value;
}

/** The twin of a stream whose ids Redis gives: ascending, also when the clock goes back. */
export class MemoryLog<Value> {
  readonly #clock: Clock;
  #entries: LogEntry<Value>[] = [];
  #last = "0-0";

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get length(): number {
    return this.#entries.length;
  }

  get newest(): string | undefined {
    return this.#entries.at(-1)?.id;
  }

  get oldestMs(): number | null {
    return this.#entries[0]?.ms ?? null;
  }

  add(value: Value): void {
    const last = parseEntryId(this.#last);
    const ms = Math.max(Math.floor(this.#clock.nowMs()), last.ms);
    this.#last = `${ms}-${ms === last.ms ? last.n + 1 : 0}`;
    this.#entries.push({ id: this.#last, ms, value });
  }

  /** Ids go on above this one. False when they would have. */
  raise(id: string): boolean {
    if (!isAfter(id, this.#last)) return false;
    this.#last = id;
    return true;
  }

  after(id: string, most: number): readonly LogEntry<Value>[] {
    const from = this.#entries.findIndex((entry) => isAfter(entry.id, id));
    return from === -1 ? [] : this.#entries.slice(from, from + most);
  }

  get(id: string): Value | undefined {
    return this.#entries.find((entry) => entry.id === id)?.value;
  }

  /** False when it is not there. */
  remove(id: string): boolean {
    const before = this.#entries.length;
    this.#entries = this.#entries.filter((entry) => entry.id !== id);
    return this.#entries.length < before;
  }

  /** Drops entries up to and including the id. */
  trim(upTo: string): void {
    const keep = this.#entries.findIndex((entry) => isAfter(entry.id, upTo));
    this.#entries = keep === -1 ? [] : this.#entries.slice(keep);
  }
}
