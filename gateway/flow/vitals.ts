/**
 * What phones say of themselves, on its way to the record: gathered for a moment, then written some rows at a time, so
 * that neither a statement nor its making takes long. No line waits for any of it.
 *
 * It is telemetry. While MySQL is away the newest are kept up to a bound, older ones are dropped and counted, and the
 * same rows may be written twice; a stop writes what waits once and drops what fails.
 */
import { limits } from "#common/contract/limits.ts";
import type { Vitals } from "#common/contract/vitals.ts";
import type { Clock } from "#common/kernel/clock.ts";
import type { Part } from "#common/kernel/lifecycle.ts";
import type { Log } from "#common/observe/logger.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import type { Ping, PingStore } from "#common/ports/pings.ts";
import type { Identity } from "#gateway/platforms/platform.ts";
import { Quota } from "./quota.ts";

export interface VitalsRecordOptions {
  readonly podName: string;
  readonly pings: Pick<PingStore, "append">;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Log;
}

/** Who pinged, or answered. */
export interface Pinged {
  readonly identity: Identity | null;
  readonly address: string;
  readonly isAdmitted: boolean;
}

export class VitalsRecord implements Part {
  readonly name = "vitals";
  readonly stopMsMax = limits.handoverMsMax;
  readonly #options: VitalsRecordOptions;
  readonly #quota = new Quota({ ...PER_DEVICE, keysMax: limits.quotaKeysMax });
  #waiting: Ping[] = [];
  #cancel: (() => void) | undefined;
  #writing: Promise<void> | undefined;
  #isAway = false;

  constructor(options: VitalsRecordOptions) {
    this.#options = options;
  }

  /** @param rttSeconds of our ping; null of the phone's own */
  take({ identity, address, isAdmitted }: Pinged, vitals: Vitals, rttSeconds: number | null): void {
    const { clock, podName } = this.#options;
    if (identity === null || !isAdmitted) return;
    const { bot, device } = identity;
    if (this.#quota.tryTake(`${bot}\0${device}`, clock.monotonicMs())) {
      const rttMs = rttSeconds === null ? null : rttSeconds * 1_000;
      this.#waiting.push({ bot, device, address, podName, at: clock.nowMs(), rttMs, vitals });
      this.#bound();
      this.#soon();
    } else this.#drop(1);
  }

  async stop(): Promise<void> {
    await this.#writing;
    if (!this.#isAway) await this.#write();
    this.#cancel?.();
    this.#drop(this.#waiting.length);
  }

  #soon(): void {
    if (this.#cancel !== undefined || this.#writing !== undefined) return;
    this.#cancel = this.#options.clock.after(limits.pingsGatherMs, () => {
      this.#cancel = undefined;
      this.#writing = this.#write().finally(() => {
        this.#writing = undefined;
        if (this.#waiting.length > 0) this.#soon();
      });
    });
  }

  async #write(): Promise<void> {
    const { pings, metrics, log } = this.#options;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, limits.pingsPerInsertMax);
      try {
        await pings.append(batch);
        metrics.pingsRecorded.inc(batch.length, { result: "written" });
        this.#isAway = false;
      } catch (error) {
        this.#waiting.unshift(...batch);
        this.#bound();
        if (!this.#isAway) log.warn({ tag: "PING", err: error }, "pings wait to be put on record");
        this.#isAway = true;
        return;
      }
    }
  }

  #bound(): void {
    const tooMany = this.#waiting.length - limits.pingsWaitingMax;
    if (tooMany <= 0) return;
    this.#waiting.splice(0, tooMany);
    this.#drop(tooMany);
  }

  #drop(count: number): void {
    this.#options.metrics.pingsRecorded.inc(count, { result: "dropped" });
  }
}

/** A phone sends two a minute; one that is broken must not fill the table. */
const PER_DEVICE = { perSecond: 1, burst: 10 };
