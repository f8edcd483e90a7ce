import { type ErrorCode, MoaError } from "#common/kernel/errors.ts";

/** Scripts test these; docs/cli.md lists them. */
export const EXIT = { ok: 0, failed: 1, badUsage: 2, notFound: 3, unauthorised: 4, unreachable: 5 } as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const OF_ERROR: Readonly<Partial<Record<ErrorCode, ExitCode>>> = {
  asked_wrongly: EXIT.badUsage,
  not_served: EXIT.badUsage,
  config_invalid: EXIT.badUsage,
  not_found: EXIT.notFound,
  not_authorised: EXIT.unauthorised,
  pod_unreachable: EXIT.unreachable,
};

export function exitCodeOf(error: unknown): ExitCode {
  return (error instanceof MoaError && OF_ERROR[error.code]) || EXIT.failed;
}
