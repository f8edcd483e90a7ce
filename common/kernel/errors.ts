/**
 * Every error that moa throws on purpose. What the caller must do is part of the error:
 * retry (back off and try again, bounded), answer (tell the person), close (end the connection), park (keep it for an
 * operator). Codes are append-only; docs/errors.md lists them and a test compares both ways.
 */
export type Outcome = "retry" | "answer" | "close" | "park";

export const errorCatalogue = {
  contract_unreadable: { outcome: "park", says: "An envelope in Redis is not of a form that this version reads." },
  redis_unavailable: { outcome: "retry", says: "Redis did not answer in time, or refused the command." },
  mysql_unavailable: { outcome: "retry", says: "MySQL did not answer in time, or refused the statement." },
  lane_full: { outcome: "retry", says: "The lane's backlog limit is reached; workers do not keep up." },
  fenced: { outcome: "retry", says: "A newer owner of the lane exists; this one must stop." },
  turn_timeout: { outcome: "park", says: "A turn ran longer than its deadline." },
  turn_failed: { outcome: "park", says: "A command threw: a bug, kept with its event." },
  too_many_attempts: {
    outcome: "park",
    says: "The event was attempted the allowed number of times and never finished.",
  },
  frame_too_large: { outcome: "close", says: "A line is longer than the limit." },
  handshake_invalid: { outcome: "close", says: "The handshake lacks a field or names one wrongly." },
  config_invalid: { outcome: "close", says: "One or more settings are wrong; all of them are listed." },
  server_unfit: { outcome: "close", says: "A server that moa needs is set up in a way that would lose data." },
  deadline_passed: { outcome: "retry", says: "A step did not finish within its deadline." },
  asked_wrongly: { outcome: "answer", says: "A request of an operator lacks something, or names it wrongly." },
  not_found: { outcome: "answer", says: "What an operator asked for is not there, or not there any more." },
  not_served: { outcome: "answer", says: "This kind of pod does not serve that request; another kind does." },
  not_authorised: { outcome: "answer", says: "The request carries no token, or another one than the pod's." },
  pod_unreachable: { outcome: "retry", says: "No pod answered the operator's request." },
  mysql_refused: { outcome: "park", says: "MySQL refuses these values, and will whenever they come." },
} as const satisfies Record<string, { outcome: Outcome; says: string }>;

export type ErrorCode = keyof typeof errorCatalogue;

export class MoaError extends Error {
  readonly code: ErrorCode;
  readonly outcome: Outcome;

  /** @param detail what was wrong, naming the field; never chat text, a secret or a signature */
  constructor(code: ErrorCode, detail: string, options?: ErrorOptions) {
    super(`${code}: ${detail}`, options);
    this.name = "MoaError";
    this.code = code;
    this.outcome = errorCatalogue[code].outcome;
  }
}

export function hasCode(error: unknown, code: ErrorCode): boolean {
  return error instanceof MoaError && error.code === code;
}
