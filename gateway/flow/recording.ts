/**
 * Tells the outbox up to where a reign is done, one call at a time, always the latest. What Redis recorded bounds what may
 * be begun (reign.ts), and is where the next writer starts.
 */
import type { BotName } from "#common/contract/ids.ts";
import type { Log } from "#common/observe/logger.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import type { Confirmation } from "#common/ports/outbox.ts";
import type { Taken, Tenure } from "#common/ports/writer-directory.ts";

export interface RecordingOptions {
  readonly bot: BotName;
  readonly metrics: Pick<Metrics, "fencingRejections">;
  readonly log: Log;
  /** False: fenced. */
  confirm(confirmation: Confirmation): Promise<boolean>;
  onFenced(): void;
}

export class Recording {
  readonly #options: RecordingOptions;
  /** More is recorded. */
  readonly #onRecorded: () => void;
  readonly #generation: string;
  #tenure: Tenure;
  #upTo: number;
  #isBusy = false;
  #isEnded = false;

  constructor(options: RecordingOptions, taken: Taken, onRecorded: () => void) {
    this.#options = options;
    this.#onRecorded = onRecorded;
    this.#generation = taken.generation;
    this.#tenure = taken;
    this.#upTo = taken.first - 1;
  }

  get tenure(): Tenure {
    return this.#tenure;
  }

  get upTo(): number {
    return this.#upTo;
  }

  get isBusy(): boolean {
    return this.#isBusy;
  }

  goOn(taken: Taken): void {
    this.#tenure = taken;
    this.#upTo = Math.max(this.#upTo, taken.first - 1);
  }

  end(): void {
    this.#isEnded = true;
  }

  record(upTo: number): void {
    if (this.#isBusy || this.#isEnded || this.#upTo >= upTo) return;
    this.#isBusy = true;
    void this.#record(upTo);
  }

  async #record(upTo: number): Promise<void> {
    const { bot, log, metrics, confirm, onFenced } = this.#options;
    const { epoch, id } = this.#tenure;
    let outcome: boolean | null = null;
    try {
      outcome = await confirm({ bot, epoch, id, generation: this.#generation, upTo });
    } catch (error) {
      if (!this.#isEnded) log.warn({ bot, err: error }, "a confirmation was not taken; the actions stay in the outbox");
    }
    this.#isBusy = false;
    if (this.#isEnded) return;
    if (outcome === true) this.#upTo = Math.max(this.#upTo, upTo);
    // Under a tenure that was taken again meanwhile it is told again.
    if (outcome === false && epoch === this.#tenure.epoch) {
      metrics.fencingRejections.inc(1, { point: "redis_script" });
      onFenced();
    } else if (outcome !== null) this.#onRecorded();
  }
}
