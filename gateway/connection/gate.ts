import type { Metrics } from "#common/observe/metrics.ts";
import type { WriteGuard, WriteHearing } from "./writer-connection.ts";

/**
 * One reign's way onto one connection. Its frames carry it through the wire's queue, and the reign is asked when each
 * would begin. Once it has refused one it stays shut: what is queued behind would come out of order, and half an action
 * is none.
 */
export class Gate implements WriteGuard {
  readonly #hearing: WriteHearing;
  readonly #metrics: Pick<Metrics, "fencingRejections">;
  #isShut = false;

  constructor(hearing: WriteHearing, metrics: Pick<Metrics, "fencingRejections">) {
    this.#hearing = hearing;
    this.#metrics = metrics;
  }

  mayBegin(): boolean {
    if (!this.#hearing.mayBegin()) this.#isShut = true;
    if (this.#isShut) this.#metrics.fencingRejections.inc(1, { point: "gateway_send" });
    return !this.#isShut;
  }

  /** Of what was refused nothing was read, and which actions that were is not known here: none counts as read any more. */
  confirmed(mark: number): void {
    if (!this.#isShut) this.#hearing.onConfirmed(mark);
  }

  /** Somebody else's turn. */
  shut(): void {
    this.#isShut = true;
  }
}
