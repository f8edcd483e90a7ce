/**
 * Actions whose class is `hold` and whose fate a failover left unknown: an operator decides. They block nothing else,
 * are capped per bot (`heldPerBotMax`) and keep their age. Rejections as in lane-log.ts.
 */
import type { BotName } from "../contract/ids.ts";

export interface HeldAction {
  readonly bot: BotName;
  /** Of the action, see actionIdOf. */
  readonly id: string;
  /** When it was put here, epoch ms. */
  readonly heldAt: number;
  /** The encoded action. */
  readonly action: string;
}

export interface HeldActions {
  /** A repeat changes nothing. "full": nothing was put anywhere. */
  hold(action: HeldAction): Promise<"held" | "full">;
  /** Oldest first. */
  list(bot: BotName): Promise<readonly HeldAction[]>;
  /** Appends `action`, the held one with its new deadline, to the bot's outbox and forgets the held one, in one step. False when it is not there (any more). */
  resend(bot: BotName, id: string, action: string): Promise<boolean>;
  /** False when it is not there (any more). */
  discard(bot: BotName, id: string): Promise<boolean>;
  /** Over all bots: how many, and the oldest's age in ms (0 when none). */
  backlog(): Promise<{ readonly count: number; readonly oldestMs: number }>;
}
