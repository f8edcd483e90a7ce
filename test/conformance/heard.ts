import type { BotListener } from "#common/ports/bot-channel.ts";
import type { OutboxPiece } from "#common/ports/outbox.ts";
import type { Told } from "#common/ports/writer-directory.ts";

/** A listener that keeps all it hears. */
export function recorder() {
  const pieces: OutboxPiece[] = [];
  const told: Told[] = [];
  const heard = { pieces, told, renewals: 0 };
  const listener: BotListener = {
    onPiece: (piece) => pieces.push(piece),
    onTold: (one) => told.push(one),
    onRenewed: () => {
      heard.renewals++;
    },
  };
  return { heard, listener };
}
