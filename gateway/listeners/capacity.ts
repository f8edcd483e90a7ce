/**
 * What all sockets of the pod take together: how many there are, and how much waits in them to be written.
 *
 *   open ──as many connections as it may have──> full: the listeners are shut, phones are refused at once and back off
 *     ^────────── some have gone ──────────────────┘
 *
 * Below the limit nothing is refused: a storm is accepted and read as it can be. A phone that is accepted and closed comes
 * again after four seconds, for ever; one that is refused waits longer each time.
 */
import { limits } from "#common/contract/limits.ts";
import type { Log } from "#common/observe/logger.ts";
import type { Metrics } from "#common/observe/metrics.ts";

/** A listener, as far as the limit concerns it. */
export interface Door {
  shut(): void;
  reopen(): void;
}

export interface CapacityOptions {
  readonly connectionsMax: number;
  readonly metrics: Pick<Metrics, "connectionsMax" | "listenerFull" | "listenerClosures" | "socketBufferedBytes">;
  readonly log: Log;
}

/** Not reopened for a single free place: it would be gone before the log line is written. */
const REOPEN_SHARE = 0.98;

export class Capacity {
  readonly #options: CapacityOptions;
  readonly #doors: Door[] = [];
  #connections = 0;
  #queuedBytes = 0;
  #isFull = false;

  constructor(options: CapacityOptions) {
    this.#options = options;
    options.metrics.connectionsMax.set(options.connectionsMax);
  }

  add(door: Door): void {
    this.#doors.push(door);
  }

  entered(): void {
    this.#connections++;
    if (!this.#isFull && this.#connections >= this.#options.connectionsMax) this.#setFull(true);
  }

  left(): void {
    this.#connections--;
    const { connectionsMax } = this.#options;
    const enough = Math.min(connectionsMax - 1, Math.floor(connectionsMax * REOPEN_SHARE));
    if (this.#isFull && this.#connections <= enough) this.#setFull(false);
  }

  /** @param by bytes given to a socket's queue, or less than 0 when they have left it */
  queued(by: number): void {
    this.#queuedBytes += by;
    this.#options.metrics.socketBufferedBytes.inc(by);
  }

  /** Whose own queue is long and stands must end, so that peers who do not read cannot take the pod with them. */
  get areQueuesFull(): boolean {
    return this.#queuedBytes > limits.writeQueuesBytesMax;
  }

  #setFull(isFull: boolean): void {
    const { connectionsMax, metrics, log } = this.#options;
    this.#isFull = isFull;
    metrics.listenerFull.set(isFull ? 1 : 0);
    if (isFull) metrics.listenerClosures.inc(1);
    const says = isFull ? "the listeners are shut: the pod has all its connections" : "the listeners are open again";
    log.warn({ tag: "SERVER", connections: this.#connections, connectionsMax }, says);
    for (const door of this.#doors) {
      if (isFull) door.shut();
      else door.reopen();
    }
  }
}
