/** What became of a frame's signature: a closed list, shared by the platforms (which judge it) and the metric. */
export const SIGNATURE_RESULTS = [
  "valid",
  /** By the second of a bot's two keys: while phones change over, this rises and `valid` ends. */
  "valid_second_key",
  "unsigned",
  "malformed",
  "foreign",
  "wrong",
  "stale",
  /** The bot has no key. Counted once a connection. */
  "no_key",
] as const;
export type SignatureResult = (typeof SIGNATURE_RESULTS)[number];
