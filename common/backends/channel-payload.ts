/**
 * What is published on a bot's channel:
 *   `<generation> \t <first sequence> \n <action> \n <action> ...`   a piece of its outbox
 *   `!t <epoch> \t <connection>`                  it became the writer
 *   `!v <epoch>`                                  that reign ended: vacant
 *   `!e <since> \t <connection> \t <device>`      it was enrolled
 *   `!f <epoch> \t <connection, or nothing>`      the holder of that epoch is asked to hand over, to it or to any
 *   `!p 1`, `!p 0`                                paused, released
 * without the spaces. The scripts of redis/lua write `!t` and `!v` themselves. A letter that is not known here is of a
 * newer version's pod and told to nobody.
 */
import type { BotListener } from "#common/ports/bot-channel.ts";
import type { Told } from "#common/ports/writer-directory.ts";

/** Tells the listener what the payload says. */
export function announce(payload: string, listener: BotListener): void {
  if (payload.startsWith("!")) {
    const told = toldOf(payload);
    if (told) listener.onTold(told);
    return;
  }
  const [head = "", ...actions] = payload.split("\n");
  const [generation = "", firstSequence] = head.split("\t");
  listener.onPiece({ generation, firstSequence: Number(firstSequence), actions });
}

export function payloadOf(told: Told): string {
  switch (told.kind) {
    case "taken":
      return `!t${told.epoch}\t${told.connection}`;
    case "vacant":
      return `!v${told.epoch}`;
    case "enrolled":
      return `!e${told.since}\t${told.connection}\t${told.device}`;
    case "asked": {
      const { request } = told;
      return request.kind === "paused" ? `!p${request.paused ? 1 : 0}` : `!f${request.epoch}\t${request.to ?? ""}`;
    }
  }
}

function toldOf(payload: string): Told | null {
  // The device comes last: the phone chose it, tabs included.
  const [number = "", connection = "", ...device] = payload.slice(2).split("\t");
  switch (payload[1]) {
    case "t":
      return { kind: "taken", epoch: Number(number), connection };
    case "v":
      return { kind: "vacant", epoch: Number(number) };
    case "e":
      return { kind: "enrolled", since: Number(number), connection, device: device.join("\t") };
    case "f":
      return { kind: "asked", request: { kind: "failover", epoch: Number(number), to: connection || null } };
    case "p":
      return { kind: "asked", request: { kind: "paused", paused: number === "1" } };
    default:
      return null;
  }
}
