/**
 * Erases what names a user or a room, on an operator's word (docs/backup.md).
 *
 *   1  on the audit's record that it begins, without saying of whom
 *   2  what is parked in Redis: run again it would become rows
 *   3  wait until what was said before now is in MySQL: lanes and row logs cannot be rewritten, and need not be
 *   4  table by table, in small batches; a line goes with the answers that follow it
 *   5  on the audit's record how it ended, and how much was found
 *
 * Broken off anywhere it is begun again from the start: what is gone is not found again. What is said after 3 stays, and
 * so does what `notErased` (workers/erased.ts) names.
 */
import type { Mysql } from "#common/backends/mysql/mysql.ts";
import { limits } from "#common/contract/limits.ts";
import { pause } from "#common/kernel/clock.ts";
import { MoaError } from "#common/kernel/errors.ts";
import type { Audit } from "#common/ports/administration.ts";
import type { ApprovalChanges } from "#common/ports/approvals.ts";
import type { ParkedEvents } from "#common/ports/parked-events.ts";
import type { DeletedBatch } from "#workers/domain/stores.ts";
import { digestOf, type Erased, type ErasedRows, type ErasureAsked } from "#workers/erased.ts";
import { roomRows } from "./erase-room.ts";
import { userRows } from "./erase-user.ts";
import { type InFlight, untilOnRecord } from "./in-flight.ts";
import type { Schema } from "./schema.ts";

export interface EraseTools extends InFlight {
  readonly mysql: Mysql<Schema>;
  readonly parked: Pick<ParkedEvents, "list" | "find" | "drop">;
  readonly audit: Pick<Audit, "record">;
  readonly approvalChanges: Pick<ApprovalChanges, "announce">;
}

const PAUSE_MS = 20;

/**
 * Takes minutes on a large chat log. Call it again after an error.
 * @throws MoaError deadline_passed: lines said before do not arrive, or the signal aborted;
 *   redis_unavailable, mysql_unavailable
 */
export async function erase(asked: ErasureAsked, tools: EraseTools): Promise<ErasedRows> {
  const { what, by } = asked;
  const { audit } = tools;
  const entry = { action: "user" in what ? "erase.user" : "erase.room", subject: digestOf(what), before: "" };
  await audit.record({ ...entry, after: "begun" }, by);
  const erased: Record<string, number> = {};
  let end = "broken off";
  try {
    await eraseAll(asked, erased, tools);
    end = "done";
    return erased;
  } finally {
    const counts = Object.entries(erased).map(([table, rows]) => `, ${table} ${rows}`);
    await audit.record({ ...entry, after: `${end}${counts.join("")}` }, by);
  }
}

async function eraseAll(asked: ErasureAsked, erased: Record<string, number>, tools: EraseTools): Promise<void> {
  for await (const { table, rows } of batches(asked, tools)) {
    erased[table] = (erased[table] ?? 0) + rows;
    await pause(tools.clock, PAUSE_MS, asked.signal);
    if (asked.signal.aborted) throw new MoaError("deadline_passed", "broken off; begin it again");
  }
}

async function* batches({ what, signal }: ErasureAsked, tools: EraseTools): AsyncGenerator<DeletedBatch> {
  yield* parkedEvents(what, tools.parked);
  await untilOnRecord(tools, signal);
  yield* "user" in what ? userRows(what.user, tools.mysql) : roomRows(what.room, tools);
  // What was in hand at the start may have been parked since.
  yield* parkedEvents(what, tools.parked);
}

async function* parkedEvents(what: Erased, parked: EraseTools["parked"]): AsyncGenerator<DeletedBatch> {
  for (const entry of await parked.list(limits.parkedPerLaneMax)) {
    const isMeant = "room" in what ? entry.channel === what.room : isOf(what.user, await parked.find(entry));
    if (isMeant) yield { table: "parked", rows: (await parked.drop(entry)) ? 1 : 0 };
  }
}

/** An event that cannot be read is kept: it names nobody to anybody. */
function isOf(user: string, found: { readonly event: string } | null): boolean {
  try {
    return found !== null && (JSON.parse(found.event) as { userHash?: unknown } | null)?.userHash === user;
  } catch {
    return false;
  }
}
