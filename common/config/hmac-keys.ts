/**
 * Who must sign with what, per bot. As the setting is written:
 *
 *   {"BOT": [{"key": "...", "salt": "..."}],                                 one or two keys
 *    "OTHER": {"keys": [...], "require": false, "allow": ["10.0.0.0/8"]},    the same with more to say
 *    "*": [...]}                                                             every bot that is not named
 *
 * Faults name the bot and the field, never a key.
 */
import { isNetwork } from "./formats.ts";
import { isObject } from "./settings-text.ts";

export interface HmacKey {
  readonly key: string;
  readonly salt: string;
}

export interface BotKeys {
  /** `*` = every bot that is not named. */
  readonly bot: string;
  /** The present one and, while phones change over, the next. None only where signatures are not required. */
  readonly keys: readonly HmacKey[];
  /** Beats the setting `hmac` for this bot. */
  readonly require?: boolean;
  /** Networks from which its phones may come; absent = from everywhere. */
  readonly allow?: readonly string[];
}

const KEYS_MAX = 2;
const FIELDS = ["keys", "require", "allow"];

export const hmacKeysFormat = {
  name: "hmac keys",
  coerce: (value: unknown) => (typeof value === "string" ? botKeysOf(value) : value),
  validate: (value: unknown) => {
    if (!Array.isArray(value)) throw new Error('must be a JSON object such as {"BOT":[{"key":"…","salt":"…"}]}');
  },
};

function botKeysOf(text: string): readonly BotKeys[] | undefined {
  if (text === "") return [];
  let bots: unknown;
  try {
    bots = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isObject(bots) ? Object.entries(bots).map(([bot, said]) => keysOf(bot, said)) : undefined;
}

function keysOf(bot: string, said: unknown): BotKeys {
  const { keys = [], require, allow, ...rest } = Array.isArray(said) ? { keys: said } : isObject(said) ? said : {};
  const fault = (what: string) => new Error(`bot "${bot}": ${what}`);
  const strange = Object.keys(rest)[0];
  if (bot === "" || strange !== undefined) throw fault(`there are only ${FIELDS.join(", ")}`);
  if (require !== undefined && typeof require !== "boolean") throw fault('"require" must be true or false');
  if (!Array.isArray(keys) || keys.length > KEYS_MAX || !keys.every(isKey)) {
    throw fault(`must have at most ${KEYS_MAX} keys, each as {"key":"…","salt":"…"}`);
  }
  if (keys.length === 0 && require !== false) throw fault("must have a key: without one nobody could be let in");
  if (allow !== undefined && (!Array.isArray(allow) || allow.length === 0 || !allow.every(isNetwork))) {
    throw fault('"allow" must be a list of networks, each as "10.0.0.0/8" or "fd00::/8"');
  }
  return {
    bot,
    keys: keys.map(({ key, salt }) => ({ key, salt })),
    ...(require === undefined ? {} : { require }),
    ...(allow === undefined ? {} : { allow }),
  };
}

function isKey(value: unknown): value is HmacKey {
  if (!isObject(value)) return false;
  return [value.key, value.salt].every((one) => typeof one === "string" && one !== "");
}
