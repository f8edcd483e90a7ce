import type { BotKeys } from "#common/config/hmac-keys.ts";
import type { SigningKey } from "#gateway/platforms/platform.ts";

/** What is asked of the connections that say they are a bot's. */
export interface Policy {
  /** Only a signature that holds admits. */
  readonly required: boolean;
  readonly keys: readonly SigningKey[];
  allows(address: string): boolean;
}

export interface PolicySettings {
  readonly hmac: "require" | "warn";
  readonly hmacKeys: readonly BotKeys[];
}

const EVERY_OTHER = "*";

/** @param within tells of a list of networks which addresses are in them */
export function policiesOf(
  { hmac, hmacKeys }: PolicySettings,
  within: (networks: readonly string[]) => (address: string) => boolean,
): (bot: string) => Policy {
  const policyOf = ({ keys, require = hmac === "require", allow }: Omit<BotKeys, "bot">): Policy => ({
    required: require,
    keys,
    allows: allow === undefined ? () => true : within(allow),
  });
  const named = new Map(hmacKeys.map((one) => [one.bot, policyOf(one)]));
  const other = named.get(EVERY_OTHER) ?? policyOf({ keys: [] });
  // A bot may call itself "*": it is one that is not named.
  return (bot) => named.get(bot) ?? other;
}
