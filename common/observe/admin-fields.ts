/** Fields of an operator's request, checked. All throw MoaError asked_wrongly, naming the field. */
import type { Lane } from "../contract/ids.ts";
import { MoaError } from "../kernel/errors.ts";
import type { ApprovalStatus } from "../ports/approvals.ts";
import type { ParkedRef } from "../ports/parked-events.ts";

type Body = Readonly<Record<string, unknown>>;

export const STATUSES: readonly ApprovalStatus[] = ["pending", "approved", "denied", "revoked", "blocked"];
const CHARS_MAX = 255;
const ROWS = 200;
const ROWS_MAX = 1_000;

export function required(body: Body, name: string, charsMax?: number): string {
  const value = optional(body, name, charsMax);
  if (value === null) throw new MoaError("asked_wrongly", `${name} is missing`);
  return value;
}

/** Empty counts as absent. */
export function optional(body: Body, name: string, charsMax = CHARS_MAX): string | null {
  const value = Object.hasOwn(body, name) ? body[name] : null;
  if (value === null || value === "") return null;
  if (typeof value === "string" && value.length <= charsMax) return value;
  throw new MoaError("asked_wrongly", `${name} must be a text of at most ${charsMax} characters`);
}

/** @param given as a script or a command line says it */
export function wholeNumber(given: unknown, name: string): number {
  const value = typeof given === "string" && /^-?\d{1,9}$/.test(given) ? Number(given) : given;
  if (typeof value === "number" && Math.abs(value) < 1e9 && Number.isInteger(value)) return value;
  throw new MoaError("asked_wrongly", `${name} must be a whole number`);
}

export function statusOf(from: Body | URLSearchParams): ApprovalStatus {
  const given = from instanceof URLSearchParams ? from.get("status") : from.status;
  const status = STATUSES.find((one) => one === given);
  if (status === undefined) throw new MoaError("asked_wrongly", `status must be one of ${STATUSES.join(", ")}`);
  return status;
}

export function limitOf(query: URLSearchParams): number {
  const limit = Number(query.get("limit") ?? ROWS);
  if (Number.isInteger(limit) && limit >= 1 && limit <= ROWS_MAX) return limit;
  throw new MoaError("asked_wrongly", `limit must be a whole number from 1 to ${ROWS_MAX}`);
}

/** `LANE:ENTRY`, as a list of parked events names them. */
export function refOf(given: unknown): ParkedRef {
  const [, lane, entry] = /^(\d{1,4}):(\d{1,16}-\d{1,16})$/.exec(String(given)) ?? [];
  if (lane === undefined || entry === undefined)
    throw new MoaError("asked_wrongly", "ref must be as in moa parked list");
  return { lane: Number(lane) satisfies Lane, entry };
}
