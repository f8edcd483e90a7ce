/**
 * The doorbell: what is published for a bot reaches the pods that hold a connection of it, usually, at most once.
 * A subscription that may have missed something says so, and its listener reads the stream.
 */
import type { BotName } from "../contract/ids.ts";
import type { OutboxPiece } from "./outbox.ts";
import type { Told } from "./writer-directory.ts";

export interface BotListener {
  onPiece(piece: OutboxPiece): void;
  onTold(told: Told): void;
  /** The subscription was renewed: anything may have been missed. */
  onRenewed(): void;
}

export interface BotChannel {
  /** Resolves when the subscription was acknowledged. One listener per bot. @throws MoaError redis_unavailable */
  subscribe(bot: BotName, listener: BotListener): Promise<void>;
  unsubscribe(bot: BotName): Promise<void>;
}
