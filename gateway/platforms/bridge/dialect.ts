/**
 * Which dialect a connection speaks, learnt from the shape of its lines. Version strings lie: four scripts that do not
 * understand each other announce 3.3.0, and the file 3.3.3 announces 3.3.2.
 *
 *   unknown ──bare handshake without clientType──> plain      2.9.0c, 3.1.x: the four fields of the first protocol
 *   unknown ──bare handshake with it, analyze────> legacy     3.2.x: one JSON object a line
 *   any     ──handshake event, protocolVersion,
 *             message event──────────────────────> positions  3.3.x: JSON, then RAW that message_positions cut up
 *
 * `positions` is final: phones of that line may send chat before their handshake, and 3.3.0.a1 sends a bare handshake
 * and gives itself away only by its first `message`; it reads both framings, so that nothing is lost before that.
 */
export type Dialect = "unknown" | "plain" | "legacy" | "positions";

/** What of a line tells the dialect. */
export type Shape = "handshake_plain" | "handshake_bare" | "handshake_event" | "analyze" | "message" | "other";

export function learn(dialect: Dialect, shape: Shape): Dialect {
  if (dialect === "positions" || shape === "other") return dialect;
  if (shape === "handshake_event" || shape === "message") return "positions";
  if (shape === "handshake_plain") return "plain";
  if (shape === "handshake_bare") return "legacy";
  return dialect === "unknown" ? "legacy" : dialect;
}
