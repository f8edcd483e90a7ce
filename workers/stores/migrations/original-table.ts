/**
 * A table of the original, brought to what moa needs of it. Where it is there already its rows stay and only what is
 * short is altered, in one ALTER: added, widened, never narrowed or dropped, and collations of an operator's choice are
 * left alone.
 */
import { type Kysely, sql } from "kysely";

/** [name, definition, comment] */
export type Column = readonly [name: string, definition: string, comment: string];

export interface OriginalTable {
  readonly name: string;
  readonly comment: string;
  /** In the table's order. */
  readonly columns: readonly Column[];
  /** Definitions, e.g. "KEY `name` (`a`,`b`)". */
  readonly indexes: readonly string[];
  /** Of a fresh table only: in an old one rows may be there that it forbids. */
  readonly references?: string;
}

export interface PresentIndex {
  readonly name: string;
  /** Joined by commas. */
  readonly columns: string;
  readonly isUnique: boolean;
}

/** May be run again after a crash in its middle. */
export async function bringUp(db: Kysely<unknown>, table: OriginalTable): Promise<void> {
  const { indexes, references = [] } = table;
  const parts = [...table.columns.map(definitionOf), ...indexes, ...[references].flat()];
  await sql
    .raw(
      `CREATE TABLE IF NOT EXISTS ${table.name} (${parts.join(", ")}) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 ` +
        `COLLATE=utf8mb4_general_ci COMMENT='${table.comment}'`,
    )
    .execute(db);
  // Together: a column counts up only where a key begins with it.
  await alter(db, table.name, [...(await missingColumns(db, table)), ...(await missingIndexes(db, table))]);
}

export async function alter(db: Kysely<unknown>, table: string, changes: readonly string[]): Promise<void> {
  if (changes.length > 0) await sql.raw(`ALTER TABLE ${table} ${changes.join(", ")}`).execute(db);
}

export async function indexesOf(db: Kysely<unknown>, table: string): Promise<readonly PresentIndex[]> {
  const { rows } = await sql<{ name: string; columns: string; more: number }>`
    SELECT index_name AS name, GROUP_CONCAT(column_name ORDER BY seq_in_index) AS columns, MAX(non_unique) AS more
    FROM information_schema.statistics
    WHERE table_schema = DATABASE() AND table_name = ${table} GROUP BY index_name`.execute(db);
  return rows.map(({ name, columns, more }) => ({ name, columns, isUnique: Number(more) === 0 }));
}

function definitionOf([name, definition, comment]: Column): string {
  return `\`${name}\` ${definition} COMMENT '${comment}'`;
}

interface Present {
  readonly name: string;
  readonly type: string;
  /** As in a definition: `enum('a','b')`. */
  readonly fullType: string;
  readonly chars: number | null;
  readonly charset: string | null;
  readonly collation: string | null;
  readonly extra: string;
}

async function missingColumns(db: Kysely<unknown>, table: OriginalTable): Promise<readonly string[]> {
  const { rows } = await sql<Present>`
    SELECT column_name AS name, data_type AS type, column_type AS fullType, character_maximum_length AS chars,
           character_set_name AS charset, collation_name AS collation, extra
    FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ${table.name}`.execute(db);
  const present = new Map(rows.map((row) => [row.name, row]));
  return table.columns.flatMap((column) => {
    const there = present.get(column[0]);
    if (there === undefined) return [`ADD COLUMN ${definitionOf(column)}`];
    return isShort(column, there) ? [`MODIFY ${widened(column, there)}`] : [];
  });
}

const TEXT_TYPES: ReadonlySet<string> = new Set(["mediumtext", "longtext"]);

function isShort([, definition]: Column, there: Present): boolean {
  if (definition.includes("AUTO_INCREMENT")) return !there.extra.includes("auto_increment");
  // What the server checks to be JSON has a character set of the server's own choice.
  if (definition.startsWith("json")) return false;
  // Three-byte utf8 and latin1 turn an emoji into an error or a question mark.
  if (there.charset !== null && there.charset !== "utf8mb4") return true;
  if (definition.startsWith("mediumtext")) return !TEXT_TYPES.has(there.type);
  const missing = valuesOf(definition).filter((value) => !valuesOf(there.fullType).includes(value));
  if (there.type === "enum" && missing.length > 0) return true;
  return there.type === "varchar" && there.chars !== null && there.chars < charsOf(definition);
}

function charsOf(definition: string): number {
  return Number(/^varchar\((\d+)\)/.exec(definition)?.[1] ?? 0);
}

/** Of an enum, with their quotes. */
function valuesOf(type: string): readonly string[] {
  return /^enum\((.*?)\)/.exec(type)?.[1]?.split(",") ?? [];
}

/** The definition, but at least as wide as what is there, and in its collation where that can hold emoji. */
function widened([name, definition, comment]: Column, there: Present): string {
  const [, type = "", charset, rest = ""] = COLUMN.exec(definition) ?? [];
  const own = /COLLATE (\w+)/.exec(charset ?? "")?.[1] ?? "utf8mb4_general_ci";
  const collation = there.charset === "utf8mb4" ? there.collation : own;
  const text = there.charset === null ? "" : ` CHARACTER SET utf8mb4 COLLATE ${collation}`;
  return definitionOf([name, `${widerOf(type, there)}${text}${rest}`, comment]);
}

/** Type, character set, and the rest of a definition. */
const COLUMN = /^(\w+(?:\([^)]*\))?)( CHARACTER SET \w+ COLLATE \w+)?(.*)$/;

function widerOf(type: string, there: Present): string {
  if (TEXT_TYPES.has(there.type)) return there.type;
  if (there.type === "enum") return `enum(${[...new Set([...valuesOf(there.fullType), ...valuesOf(type)])].join(",")})`;
  return there.type === "varchar" ? `varchar(${Math.max(there.chars ?? 0, charsOf(type))})` : type;
}

/** By their columns, not their names: an index under another name serves as well. */
async function missingIndexes(db: Kysely<unknown>, table: OriginalTable): Promise<readonly string[]> {
  const present = await indexesOf(db, table.name);
  return table.indexes.flatMap((definition) => {
    const columns = definition.slice(definition.indexOf("(") + 1, -1).replaceAll("`", "");
    const serves = definition.startsWith("KEY")
      ? present.some((there) => `${there.columns},`.startsWith(`${columns},`))
      : present.some((there) => there.isUnique && there.columns === columns);
    return serves ? [] : [`ADD ${definition}`];
  });
}
