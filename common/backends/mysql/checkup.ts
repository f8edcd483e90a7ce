/** What an operator should know of the MySQL or MariaDB behind a pod. */
import { sql } from "kysely";
import type { Clock } from "#common/kernel/clock.ts";
import type { Checkup, Finding } from "#common/ports/checkup.ts";
import type { Mysql } from "./mysql.ts";

const SKEW_MS_MAX = 1_000;
const NO_SUCH_TABLE = /ER_NO_SUCH_TABLE/;

export class MysqlCheckup<Schema> implements Checkup {
  readonly #mysql: Mysql<Schema>;
  readonly #clock: Clock;
  readonly #migrations: readonly string[];

  /** @param migrations that this pod needs; none where it reads no table of ours */
  constructor(mysql: Mysql<Schema>, clock: Clock, migrations: readonly string[] = []) {
    this.#mysql = mysql;
    this.#clock = clock;
    this.#migrations = migrations;
  }

  async checkup(): Promise<readonly Finding[]> {
    try {
      // A first call would count the time of connecting as skew.
      await sql`SELECT 1`.execute(this.#mysql.db);
      const before = this.#clock.nowMs();
      const { rows } = await sql<{ version: string; now: string; charset: string; readOnly: string }>`
        SELECT VERSION() AS version, CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS CHAR) AS now,
               @@character_set_database AS charset, CAST(@@GLOBAL.read_only AS CHAR) AS readOnly`.execute(
        this.#mysql.db,
      );
      const { version = "", now = "0", charset = "", readOnly = "0" } = rows[0] ?? {};
      const skewMs = Number(now) - (before + this.#clock.nowMs()) / 2;
      return [
        { check: "mysql", verdict: "good", found: `version ${version}`, advice: "" },
        writes(readOnly),
        characters(charset),
        skew(skewMs),
        await this.#schema(),
      ];
    } catch (error) {
      const advice = "Is MySQL running, and MOA_MYSQL_URL right? Rows wait in Redis, unknown devices are not approved.";
      return [{ check: "mysql", verdict: "bad", found: (error as Error).message, advice }];
    }
  }

  #versions(done: readonly string[]): Finding {
    const check = "mysql schema";
    const missing = this.#migrations.filter((name) => !done.includes(name));
    if (missing.length > 0) {
      const advice = "The database is older than this pod: restart a worker of this version, it brings it up.";
      return { check, verdict: "bad", found: `lacks ${missing.join(", ")}`, advice };
    }
    const newer = this.#migrations.length > 0 && done.some((name) => !this.#migrations.includes(name));
    if (!newer) return { check, verdict: "good", found: done[0] ?? "none", advice: "" };
    const advice = "The database is newer than this pod, which goes on working: finish the upgrade.";
    return { check, verdict: "odd", found: done[0] ?? "", advice };
  }

  async #schema(): Promise<Finding> {
    const check = "mysql schema";
    try {
      const { rows } = await sql<{ name: string }>`
        SELECT name FROM moa_migrations ORDER BY name DESC`.execute(this.#mysql.db);
      return this.#versions(rows.map(({ name }) => name));
    } catch (error) {
      if (!NO_SUCH_TABLE.test((error as Error).message)) throw error;
    }
    return { check, verdict: "bad", found: "none", advice: "Start a worker on this database: it makes the tables." };
  }
}

function writes(readOnly: string): Finding {
  const check = "mysql writes";
  if (readOnly === "0" || readOnly === "OFF") return { check, verdict: "good", found: "taken", advice: "" };
  const advice =
    "Is it the primary? MOA_MYSQL_URL must lead there; read_only set by hand: find out why before it is undone.";
  return { check, verdict: "bad", found: "read-only", advice };
}

function characters(found: string): Finding {
  const check = "mysql character set";
  if (found === "utf8mb4") return { check, verdict: "good", found, advice: "" };
  const advice = "Tables made by others may turn an emoji into a question mark: ALTER DATABASE ... utf8mb4.";
  return { check, verdict: "odd", found, advice };
}

function skew(ms: number): Finding {
  const check = "mysql clock";
  const found = `${ms.toFixed(0)} ms from this pod's`;
  if (Math.abs(ms) < SKEW_MS_MAX) return { check, verdict: "good", found, advice: "" };
  return { check, verdict: "odd", found, advice: "Times on record and in logs differ: run NTP on both machines." };
}
