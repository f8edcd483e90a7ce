/**
 * A connection whose bot was taken over while its pod slept: what it says is late until it has answered a barrier that
 * was sent after that, or at the latest when it should have.
 */
import { limits } from "#common/contract/limits.ts";
import type { Clock } from "#common/kernel/clock.ts";
import type { WriterConnection } from "#gateway/connection/writer-connection.ts";

export function whenCaughtUp(connection: WriterConnection, clock: Clock, then: () => void): void {
  let isOver = false;
  const over = () => {
    if (!isOver) then();
    isOver = true;
  };
  connection.hear({ mayBegin: () => false, onConfirmed: over });
  connection.acted(1, 0);
  clock.after(limits.barrierAfterMs + limits.barrierMsMax, over);
}
