/**
 * The phone's queue of what it could not send. Its habits are the scripts': entries live 30 s, at most 2,000 are kept
 * (the newest), a flush takes 10 and happens at a connect only, so that leftovers wait for the next one and are overtaken.
 */
export interface Outgoing {
  readonly line: string;
  readonly queuedAt: number;
  /** What was said, when it is chat. */
  readonly said: { readonly text: string; readonly logId: string } | null;
}

const TTL_MS = 30_000;
const KEPT_MAX = 2_000;
const FLUSHED_MAX = 10;

export class OfflineQueue {
  #entries: Outgoing[] = [];

  get size(): number {
    return this.#entries.length;
  }

  push(entry: Outgoing): void {
    this.#entries.push(entry);
    // The scripts trim at a flush only. Trimming what that flush would drop anyway changes nothing but our memory.
    if (this.#entries.length >= 2 * KEPT_MAX) this.#trim(entry.queuedAt);
  }

  takeForFlush(nowMs: number): readonly Outgoing[] {
    this.#trim(nowMs);
    return this.#entries.splice(0, FLUSHED_MAX);
  }

  #trim(nowMs: number): void {
    this.#entries = this.#entries.filter((entry) => nowMs - entry.queuedAt <= TTL_MS).slice(-KEPT_MAX);
  }
}
