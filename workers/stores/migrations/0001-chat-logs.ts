/**
 * kb_chat_logs as the original has it: names, types, NULLs, defaults, comments and indexes of its README. Where a table
 * is there already, its rows stay and only what is short of that is altered, in one ALTER: added, widened, never
 * narrowed or dropped, and collations of an operator's choice are left alone.
 *
 * One type differs: `message` is MEDIUMTEXT. TEXT ends at 65,535 bytes, a third of 65,000 Korean characters.
 * `id` stays int(11) because admin pages know it as one: 2.1 thousand million rows. Its end stops the row writer loudly
 * and loses nothing (rows wait in Redis); BIGINT is then one more expanding migration.
 */
import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/** [name, definition, comment] in the table's order. */
const COLUMNS = [
  ["id", "int(11) NOT NULL AUTO_INCREMENT", "기본키"],
  ["channel_id", "varchar(50) NOT NULL", "카카오톡 채널 ID (방 고유 ID)"],
  ["user_hash", "varchar(100) NOT NULL", "해당 방 내 유저 고유 ID"],
  ["room_name", "varchar(255) DEFAULT NULL", "카카오톡 방 이름 (변동 가능성 있음)"],
  ["sender", "varchar(100) DEFAULT NULL", "보낸 사람 이름 (변동 가능성 있음)"],
  ["message", "mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NOT NULL", "메시지 내용"],
  ["directive", "varchar(30) DEFAULT NULL", "지시어(접두어)"],
  ["message_type", "varchar(20) NOT NULL", "normal, command, auto_replay 등"],
  ["is_meaningful", "tinyint(1) NOT NULL DEFAULT 0", "의미 있는 메시지 여부"],
  ["bot_name", "varchar(30) NOT NULL", "봇 이름"],
  ["is_mention", "tinyint(1) NOT NULL DEFAULT 0", "멘션 여부"],
  ["is_group_chat", "tinyint(1) NOT NULL DEFAULT 0", "그룹채팅 여부"],
  ["log_id", "varchar(50) DEFAULT NULL", "메시지 고유 ID"],
  ["client_timestamp", "datetime DEFAULT NULL", "클라이언트 전송 시간"],
  ["server_timestamp", "datetime DEFAULT current_timestamp()", "서버 수신 시각"],
  ["is_bot", "tinyint(1) DEFAULT 0", "sender가 bot인 경우"],
  ["is_our_bot_response", "tinyint(1) NOT NULL DEFAULT 0", "우리 봇이 생성한 응답 여부"],
  ["is_scheduled", "tinyint(1) NOT NULL DEFAULT 0", "스케줄링된 메시지 여부"],
] as const;

const INDEXES = [
  ["PRIMARY", "PRIMARY KEY (`id`)"],
  ["idx_channel_user_time", "KEY `idx_channel_user_time` (`channel_id`,`user_hash`,`server_timestamp`)"],
  ["idx_meaningful", "KEY `idx_meaningful` (`is_meaningful`)"],
] as const;

export const chatLogs: Migration = {
  async up(db) {
    const parts = [...COLUMNS.map(definitionOf), ...INDEXES.map(([, definition]) => definition)];
    await sql
      .raw(
        `CREATE TABLE IF NOT EXISTS kb_chat_logs (${parts.join(", ")}) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 ` +
          "COLLATE=utf8mb4_general_ci COMMENT='카카오봇 대화 로그 테이블'",
      )
      .execute(db);
    const changes = [...(await missingColumns(db)), ...(await missingIndexes(db))];
    if (changes.length > 0) await sql.raw(`ALTER TABLE kb_chat_logs ${changes.join(", ")}`).execute(db);
  },
};

function definitionOf([name, definition, comment]: (typeof COLUMNS)[number]): string {
  return `\`${name}\` ${definition} COMMENT '${comment}'`;
}

interface Present {
  readonly name: string;
  readonly type: string;
  readonly chars: number | null;
  readonly charset: string | null;
  readonly collation: string | null;
  readonly extra: string;
}

async function missingColumns(db: Kysely<unknown>): Promise<readonly string[]> {
  const { rows } = await sql<Present>`
    SELECT column_name AS name, data_type AS type, character_maximum_length AS chars, character_set_name AS charset,
           collation_name AS collation, extra
    FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'kb_chat_logs'`.execute(db);
  const present = new Map(rows.map((row) => [row.name, row]));
  return COLUMNS.flatMap((column) => {
    const there = present.get(column[0]);
    if (there === undefined) return [`ADD COLUMN ${definitionOf(column)}`];
    return isShort(column, there) ? [`MODIFY ${widened(column, there)}`] : [];
  });
}

const TEXT_TYPES: ReadonlySet<string> = new Set(["mediumtext", "longtext"]);

function isShort([name, definition]: (typeof COLUMNS)[number], there: Present): boolean {
  if (name === "id") return !there.extra.includes("auto_increment");
  // Three-byte utf8 and latin1 turn an emoji into an error or a question mark.
  if (there.charset !== null && there.charset !== "utf8mb4") return true;
  if (name === "message") return !TEXT_TYPES.has(there.type);
  return there.chars !== null && there.chars < charsOf(definition);
}

function charsOf(definition: string): number {
  return Number(/^varchar\((\d+)\)/.exec(definition)?.[1] ?? 0);
}

/** The original's definition, but at least as wide as what is there, and in its collation where that can hold emoji. */
function widened(column: (typeof COLUMNS)[number], there: Present): string {
  const collation = there.charset === "utf8mb4" ? there.collation : null;
  let definition: string = column[1];
  if (TEXT_TYPES.has(there.type)) definition = definition.replace(/^\w+(\(\d+\))?/, there.type);
  else if (there.chars !== null) {
    definition = definition.replace(/^varchar\(\d+\)/, `varchar(${Math.max(there.chars, charsOf(definition))})`);
  }
  if (column[0] === "message")
    definition = definition.replace(/COLLATE \w+/, `COLLATE ${collation ?? "utf8mb4_unicode_ci"}`);
  else if (there.charset !== null) {
    definition = definition.replace(
      /^(\w+(\(\d+\))?)/,
      `$1 CHARACTER SET utf8mb4 COLLATE ${collation ?? "utf8mb4_general_ci"}`,
    );
  }
  return definitionOf([column[0], definition, column[2]] as unknown as (typeof COLUMNS)[number]);
}

/** By their columns, not their names: an index under another name serves as well. */
async function missingIndexes(db: Kysely<unknown>): Promise<readonly string[]> {
  const { rows } = await sql<{ columns: string }>`
    SELECT GROUP_CONCAT(column_name ORDER BY seq_in_index) AS columns FROM information_schema.statistics
    WHERE table_schema = DATABASE() AND table_name = 'kb_chat_logs' GROUP BY index_name`.execute(db);
  const present = rows.map((row) => row.columns);
  return INDEXES.flatMap(([, definition]) => {
    const columns = definition.slice(definition.indexOf("(") + 1, -1).replaceAll("`", "");
    return present.some((there) => `${there},`.startsWith(`${columns},`)) ? [] : [`ADD ${definition}`];
  });
}
