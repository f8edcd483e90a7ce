/** What the delivery of a bot is given by its pod. */
import type { MemberId } from "#common/contract/ids.ts";
import type { Random } from "#common/kernel/random.ts";
import type { BotChannel } from "#common/ports/bot-channel.ts";
import type { WriterDirectory } from "#common/ports/writer-directory.ts";
import type { WriterConnection } from "#gateway/connection/writer-connection.ts";
import type { Failovers } from "#gateway/writers/failover.ts";
import type { SeatOptions } from "./seat.ts";

export interface DeliveryOptions extends SeatOptions {
  readonly random: Random;
  readonly channel: BotChannel;
  readonly writers: WriterDirectory;
  readonly failovers: Failovers;
  /** The pod's incarnation now. */
  member(): MemberId;
  /** Its life is proven. */
  isAlive(): boolean;
  /** It was the writer of a bot that another pod took over while this one slept. It may be closed since. */
  onLost(connection: WriterConnection): void;
}

export interface DeliveryOwner {
  /** Another holds the bot: whether he lives is to be looked at soon. */
  onHolder(member: MemberId): void;
  /** Nothing is wanted and nothing is held: it may be forgotten. */
  onAbsent(): void;
}

/** When Redis was found to have lost what it acknowledged. */
export interface Loss {
  /** Epoch ms. */
  readonly at: number;
  readonly monotonicMs: number;
}
