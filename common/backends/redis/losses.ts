/** Tells that Redis may have lost what it acknowledged: another run or another line of replication stands behind a key. */
import type { ConnectionTools, LossListener } from "./connection.ts";

export class Losses {
  readonly #tools: ConnectionTools;
  readonly #listeners: LossListener[] = [];

  constructor(tools: ConnectionTools) {
    this.#tools = tools;
  }

  add(listener: LossListener): void {
    this.#listeners.push(listener);
  }

  tell(isLost: (key: string) => boolean): void {
    const { log, metrics } = this.#tools;
    metrics.redisFailovers.inc(1);
    log.warn({ tag: "REDIS" }, "another Redis than before; what the former acknowledged last may be lost");
    for (const listener of this.#listeners) listener(isLost);
  }
}
