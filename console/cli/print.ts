/**
 * Tables for people, JSON for scripts. Names of bots, rooms and devices are what a phone says they are, so that nothing
 * of them may reach the terminal as a command: what could move the cursor or turn the text around is shown as a code.
 */
import Table from "cli-table3";

/** Control characters, and what changes the direction of the text. */
const UNPRINTABLE = /[\p{Cc}\p{Bidi_Control}]/gu;

export type Cell = string | number | boolean | null | undefined;

export function tableOf(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  if (rows.length === 0) return "none\n";
  const style = { head: [], border: [], compact: true, "padding-left": 0, "padding-right": 2 };
  const table = new Table({ head: [...head], style, chars: NO_LINES });
  table.push(...rows.map((row) => row.map(printable)));
  return `${table.toString().replace(/ +$/gm, "")}\n`;
}

/** One line, which no text in it can break or colour. */
export function jsonLine(value: object): string {
  return `${JSON.stringify(value).replace(UNPRINTABLE, codeOf)}\n`;
}

export function printable(value: Cell): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "boolean") return value ? "yes" : "no";
  return String(value).replace(UNPRINTABLE, codeOf);
}

export function ageOf(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}

function codeOf(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

const NO_LINES = Object.fromEntries(
  ["top", "bottom", "left", "right", "mid", "middle"].flatMap((name) =>
    ["", "-mid", "-left", "-right"].map((part) => [`${name}${part}`, ""]),
  ),
);
