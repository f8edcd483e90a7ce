import type { BotListener } from "#common/ports/bot-channel.ts";
import type { OutboxPiece } from "#common/ports/outbox.ts";

/** A listener that keeps all it hears. */
export function recorder() {
  const pieces: OutboxPiece[] = [];
  const writers: (number | null)[] = [];
  const heard = { pieces, writers, renewals: 0 };
  const listener: BotListener = {
    onPiece: (piece) => pieces.push(piece),
    onWriter: (tenure) => writers.push(tenure),
    onRenewed: () => {
      heard.renewals++;
    },
  };
  return { heard, listener };
}
