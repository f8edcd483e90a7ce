/**
 * What is published on a bot's channel:
 *   `<generation> \t <first sequence> \n <action> \n <action> ...`   a piece of its outbox
 *   `!<tenure>`   a connection became the writer      `!`   the reign ended
 */
import type { BotListener } from "#common/ports/bot-channel.ts";

/** Tells the listener what the payload says. */
export function announce(payload: string, listener: BotListener): void {
  if (payload.startsWith("!")) {
    listener.onWriter(payload === "!" ? null : Number(payload.slice(1)));
    return;
  }
  const [head = "", ...actions] = payload.split("\n");
  const [generation = "", firstSequence] = head.split("\t");
  listener.onPiece({ generation, firstSequence: Number(firstSequence), actions });
}
