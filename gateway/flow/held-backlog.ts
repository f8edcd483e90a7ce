import { limits } from "#common/contract/limits.ts";
import { type Clock, pause } from "#common/kernel/clock.ts";
import type { Part } from "#common/kernel/lifecycle.ts";
import type { Log } from "#common/observe/logger.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import type { HeldActions } from "#common/ports/held-actions.ts";

export interface HeldBacklogOptions {
  readonly held: Pick<HeldActions, "backlog">;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, "heldActions" | "heldOldestSeconds">;
  readonly log: Log;
}

/** Every gateway tells of all bots' held actions: an alert must not depend on one of them. */
export class HeldBacklog implements Part {
  readonly name = "held backlog";
  readonly #options: HeldBacklogOptions;
  readonly #stop = new AbortController();
  #looking: Promise<void> = Promise.resolve();

  constructor(options: HeldBacklogOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#looking = this.#lookForEver();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#looking;
  }

  async #lookForEver(): Promise<void> {
    const { held, clock, metrics, log } = this.#options;
    while (!this.#stop.signal.aborted) {
      try {
        const { count, oldestMs } = await held.backlog();
        metrics.heldActions.set(count);
        metrics.heldOldestSeconds.set(oldestMs / 1_000);
      } catch (error) {
        log.debug({ err: error }, "the look at held actions failed");
      }
      await pause(clock, limits.heldLookEveryMs, this.#stop.signal);
    }
  }
}
