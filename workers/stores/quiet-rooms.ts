/**
 * Rooms of which an operator wants no chat log: `enabled` is false in the `log_settings` of one of the bot's devices there.
 *
 *   each minute   is there such a room at all?   usually not, and rows cost nothing
 *   if there is   each INSERT's rooms are looked up by the primary key, as they are now
 *
 * So the first such room counts within a minute, as all that admin pages write, and any other at once. A set of them in
 * memory would have no bound.
 */
import { CompiledQuery, type Transaction } from "kysely";
import { escape as quoted } from "mysql2";
import type { Mysql } from "#common/backends/mysql/mysql.ts";
import { limits } from "#common/contract/limits.ts";
import type { Clock } from "#common/kernel/clock.ts";
import type { RowBatch } from "#workers/domain/stores.ts";
import { rowOf } from "./rows-on-record.ts";
import type { Schema } from "./schema.ts";

interface Line {
  readonly batch: RowBatch;
  readonly index: number;
}

interface Place {
  readonly channel: string;
  readonly bot: string;
}

const IS_QUIET = "JSON_CONTAINS(log_settings, 'false', '$.enabled')";

export class QuietRooms {
  readonly #mysql: Mysql<Schema>;
  readonly #clock: Clock;
  #areThere = false;
  #lookedMs = Number.NEGATIVE_INFINITY;

  constructor(mysql: Mysql<Schema>, clock: Clock) {
    this.#mysql = mysql;
    this.#clock = clock;
  }

  /** Before a transaction. @throws MoaError mysql_unavailable: then no row is to be written */
  async look(): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#lookedMs < limits.approvalFreshMs) return;
    const query = CompiledQuery.raw(`SELECT 1 FROM kb_rooms WHERE ${IS_QUIET} LIMIT 1`);
    this.#areThere = (await this.#mysql.run(() => this.#mysql.db.executeQuery(query))).rows.length > 0;
    this.#lookedMs = nowMs;
  }

  /** Of the lines those of other rooms, in order. */
  async without<Given extends Line>(tx: Transaction<Schema>, lines: readonly Given[]): Promise<readonly Given[]> {
    if (!this.#areThere) return lines;
    const places = new Map(lines.map((line) => [line, placeOf(line)]));
    const channels = new Set([...places.values()].map(({ channel }) => quoted(channel)));
    const query = `SELECT room_id AS channel, bot_name AS bot FROM kb_rooms WHERE room_id IN (${[...channels].join(",")}) AND ${IS_QUIET}`;
    const { rows } = await tx.executeQuery<Place>(CompiledQuery.raw(query));
    const quiet = new Set(rows.map(keyOf));
    return lines.filter((line) => !quiet.has(keyOf(places.get(line) as Place)));
  }
}

function placeOf(line: Line): Place {
  const { channelId: channel, botName: bot } = rowOf(line);
  return { channel, bot };
}

/** MySQL may take "Bot" and "bot" for one: compared again here, letter by letter. */
function keyOf({ channel, bot }: Place): string {
  return `${channel}\0${bot}`;
}
