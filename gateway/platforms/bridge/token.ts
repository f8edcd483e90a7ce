/**
 * Our mark in a ping's `server_timestamp`, which phones give back verbatim whatever it is. It tells the answer to our
 * ping from a ping of the phone's own, whose `server_timestamp` is a time: both come as event `ping`.
 */
const MARK = "moa:";

export function marked(token: string): string {
  return MARK + token;
}

/** The token within, or null when the value is not ours. */
export function unmarked(value: unknown): string | null {
  return typeof value === "string" && value.startsWith(MARK) ? value.slice(MARK.length) : null;
}
