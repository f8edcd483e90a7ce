/**
 * What became of scheduled sendings: their outbox rows are closed by the phone's receipts, or by their deadline.
 *
 *   all closed, all shown -> success      some shown, or some could not be sent -> partial      none shown -> failed
 *
 * One that is sent once and failed is no completed one: its status says so.
 */
import { sql } from "kysely";
import type { Mysql } from "#common/backends/mysql/mysql.ts";
import { eventIdOfSchedule } from "#common/contract/ids.ts";
import { limits } from "#common/contract/limits.ts";
import type { SendingOutcome } from "#workers/domain/stores.ts";
import { affected, rowsOf } from "./run-sql.ts";
import { instantOf, wallOf } from "./schedule-row.ts";
import type { Schema } from "./schema.ts";

interface Pending {
  readonly id: number;
  readonly schedule: number;
  readonly due: Date;
  readonly started: Date;
  readonly lacks: string | null;
}

interface Action {
  readonly event: string;
  readonly state: string;
  readonly closed: Date | null;
}

const SHOWN: ReadonlySet<string> = new Set(["confirmed", "written"]);

/** Each sending once. @throws MoaError mysql_unavailable */
export async function* settledSendings(mysql: Mysql<Schema>): AsyncGenerator<SendingOutcome> {
  for (let after = 0; ; ) {
    const page = await pendingAfter(after, mysql);
    if (page.length > 0) yield* settledOf(page, mysql);
    if (page.length < limits.schedulesPerPageMax) return;
    after = page.at(-1)?.id ?? 0;
  }
}

function pendingAfter(id: number, mysql: Mysql<Schema>): Promise<readonly Pending[]> {
  return rowsOf(
    mysql,
    sql<Pending>`SELECT id, schedule_id AS schedule, scheduled_at AS due, started_at AS started, error_message AS lacks
      FROM kb_schedule_logs WHERE status = 'pending' AND id > ${id}
      ORDER BY id LIMIT ${sql.lit(limits.schedulesPerPageMax)}`,
  );
}

async function* settledOf(page: readonly Pending[], mysql: Mysql<Schema>): AsyncGenerator<SendingOutcome> {
  const eventOf = ({ schedule, due }: Pending) => eventIdOfSchedule(schedule, instantOf(due));
  const isOfThese = page.map((one) => sql`action_id LIKE ${`${eventOf(one)}:%`}`);
  const actions = await rowsOf(
    mysql,
    sql<Action>`SELECT event, state, closed_at AS closed FROM moa_outbox WHERE ${sql.join(isOfThese, sql` OR `)}`,
  );
  const byEvent = Map.groupBy(actions, ({ event }) => event);
  for (const one of page) {
    const ended = byEvent.get(eventOf(one)) ?? [];
    if (ended.some(({ state }) => state === "open")) continue;
    const outcome = outcomeOf(ended, one.lacks);
    if (await tell(one, { ended, outcome }, mysql)) yield outcome;
  }
}

function outcomeOf(ended: readonly Action[], lacks: string | null): SendingOutcome {
  const shown = ended.filter(({ state }) => SHOWN.has(state)).length;
  if (shown === 0) return "failed";
  return shown === ended.length && lacks === null ? "success" : "partial";
}

/** False: somebody else did. */
async function tell(
  { id, schedule, started, lacks }: Pending,
  { ended, outcome }: { readonly ended: readonly Action[]; readonly outcome: SendingOutcome },
  mysql: Mysql<Schema>,
): Promise<boolean> {
  const endedMs = Math.max(instantOf(started), ...ended.map(({ closed }) => closed?.getTime() ?? 0));
  const states = [...new Set(ended.filter(({ state }) => !SHOWN.has(state)).map(({ state }) => state))];
  const lost = ended.length === 0 ? ["unknown"] : states;
  const why = [...(lacks === null ? [] : [lacks]), ...lost].join("; ") || null;
  const told = await affected(
    mysql,
    sql`UPDATE kb_schedule_logs SET status = ${outcome}, error_message = ${why}, completed_at = ${wallOf(endedMs)},
      duration_ms = ${endedMs - instantOf(started)} WHERE id = ${id} AND status = 'pending'`,
  );
  if (told === 0) return false;
  if (outcome === "failed") {
    await affected(
      mysql,
      sql`UPDATE kb_schedule SET status = 'error'
        WHERE id = ${schedule} AND schedule_type = 'once' AND status = 'completed'`,
    );
  }
  return true;
}
