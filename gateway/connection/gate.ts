import type { WriteGuard, WriteHearing } from "./writer-connection.ts";

/**
 * One reign's way onto one connection. Its frames carry it through the wire's queue, and the reign is asked when each
 * would begin. Once it has refused one it stays shut: what is queued behind would come out of order, and half an action
 * is none. Refusals are counted by who refuses.
 */
export class Gate implements WriteGuard {
  readonly #hearing: WriteHearing;
  #isShut = false;

  constructor(hearing: WriteHearing) {
    this.#hearing = hearing;
  }

  mayBegin(): boolean {
    if (!this.#hearing.mayBegin()) this.#isShut = true;
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
