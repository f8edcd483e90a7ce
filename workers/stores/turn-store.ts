/**
 * A turn's changes, once, in one transaction:
 *
 *   fence: the lane's epoch, read FOR SHARE  -> higher: fenced; absent or lower: raised to ours
 *   seen:  the event's id                    -> there: repeated, nothing else is done
 *   the changes, each by the applier of its kind; the outbox rows, open
 *
 * The shared lock lets turns of one lane run side by side, while a newer owner that raises the epoch waits for those
 * under way and stops all later ones.
 */
import { sql, type Transaction } from "kysely";
import { isDuplicate } from "#common/backends/mysql/driver-fault.ts";
import type { Mysql } from "#common/backends/mysql/mysql.ts";
import type { Lane } from "#common/contract/ids.ts";
import { assert } from "#common/kernel/assert.ts";
import { MoaError } from "#common/kernel/errors.ts";
import type { Change } from "#workers/domain/decision.ts";
import type { OutboxRow, TurnStore } from "#workers/domain/stores.ts";
import type { Schema } from "./schema.ts";

export type Turn = Parameters<TurnStore["apply"]>[0];

/** Makes one kind of change; it may throw only what the transaction's statements throw. */
export type Applier = (tx: Transaction<Schema>, data: Change["data"], turn: Turn) => Promise<void>;

export class MysqlTurnStore implements TurnStore {
  readonly #mysql: Mysql<Schema>;
  readonly #appliers: ReadonlyMap<string, Applier>;

  constructor(mysql: Mysql<Schema>, appliers: ReadonlyMap<string, Applier>) {
    this.#mysql = mysql;
    this.#appliers = appliers;
  }

  async apply(turn: Turn): Promise<"applied" | "repeated"> {
    const steps = turn.changes.map(({ kind, data }) => {
      const applier = this.#appliers.get(kind);
      assert(applier !== undefined, `no applier for changes of kind ${kind}`);
      return (tx: Transaction<Schema>) => applier(tx, data, turn);
    });
    return this.#mysql.run(() =>
      this.#mysql.db.transaction().execute(async (tx) => {
        await fence(tx, turn.lane, turn.epoch);
        if (!(await remember(tx, turn))) return "repeated";
        for (const step of steps) await step(tx);
        await insertOutbox(tx, turn);
        return "applied";
      }),
    );
  }
}

async function fence(tx: Transaction<Schema>, lane: Lane, epoch: number): Promise<void> {
  if ((await epochOf(tx, lane)) < epoch) {
    const highest = sql<number>`GREATEST(epoch, VALUES(epoch))`;
    await tx.insertInto("moa_lanes").values({ lane, epoch }).onDuplicateKeyUpdate({ epoch: highest }).execute();
  }
  // Read again after raising: a newer owner may have inserted the lane in between.
  const now = await epochOf(tx, lane);
  if (now > epoch) throw new MoaError("fenced", `lane ${lane} is at epoch ${now}`);
}

/** The lock is kept to the end of the transaction. LOCK IN SHARE MODE, because MariaDB has no FOR SHARE. */
async function epochOf(tx: Transaction<Schema>, lane: Lane): Promise<number> {
  const lock = sql`LOCK IN SHARE MODE`;
  const row = await tx
    .selectFrom("moa_lanes")
    .select("epoch")
    .where("lane", "=", lane)
    .modifyEnd(lock)
    .executeTakeFirst();
  return row?.epoch ?? 0;
}

async function remember(tx: Transaction<Schema>, { event, lane }: Turn): Promise<boolean> {
  try {
    await tx.insertInto("moa_seen_events").values({ event, lane }).execute();
    return true;
  } catch (error) {
    if (isDuplicate(error)) return false;
    throw error;
  }
}

/** Open, in the order of their event's decision. */
export async function insertOutbox(
  tx: Transaction<Schema>,
  { outbox, event, lane }: Pick<Turn, "outbox" | "event" | "lane">,
): Promise<void> {
  if (outbox.length === 0) return;
  const rowOf = ({ id, bot, deadline, action }: OutboxRow, ordinal: number) => ({
    action_id: id,
    event,
    ordinal,
    lane,
    bot,
    deadline: new Date(deadline),
    action,
  });
  await tx.insertInto("moa_outbox").values(outbox.map(rowOf)).execute();
}
