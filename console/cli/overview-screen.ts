/** The lines of `moa top`, as wide and as many as fit. */
import type { FailoversShown, LaneShown, Overview } from "./overview.ts";
import type { PodShown } from "./pod-look.ts";
import { ageOf, printable } from "./print.ts";

export interface Frame {
  readonly columns: number;
  readonly rows: number;
}

/** From the left; a column of numbers stands right. */
interface Column<Row> {
  readonly head: string;
  readonly width: number;
  readonly of: (row: Row) => string;
}

const LANES_LEAST = 3;
const RIGHT = 6;

const podColumns: readonly Column<PodShown>[] = [
  { head: "state", width: 9, of: ({ state }) => state },
  { head: "cpu %", width: RIGHT, of: ({ cpuPercent }) => rate(cpuPercent) },
  { head: "MiB", width: RIGHT, of: ({ memoryMib }) => memoryMib.toFixed(0) },
  { head: "lag ms", width: 7, of: ({ loopMs }) => loopMs.toFixed(0) },
];
const gatewayColumns: readonly Column<PodShown>[] = [
  { head: "GATEWAYS", width: 13, of: ({ pod }) => pod },
  ...podColumns,
  { head: "conns", width: RIGHT, of: ({ connections }) => `${connections}` },
  { head: "write", width: RIGHT, of: ({ writers }) => `${writers}` },
  { head: "stand", width: RIGHT, of: ({ standbys }) => `${standbys}` },
  { head: "none", width: 5, of: ({ writerless }) => `${writerless}` },
  { head: "in/s", width: RIGHT, of: ({ linesPerS }) => rate(linesPerS) },
  { head: "out/s", width: RIGHT, of: ({ answersPerS }) => rate(answersPerS) },
];
const workerColumns: readonly Column<PodShown>[] = [
  { head: "WORKERS", width: 13, of: ({ pod }) => pod },
  ...podColumns,
  { head: "lanes", width: RIGHT, of: ({ lanes }) => `${lanes}` },
  { head: "behind", width: 7, of: ({ backlog }) => `${backlog}` },
  { head: "oldest", width: 8, of: ({ backlog, oldestMs }) => (backlog === 0 ? "-" : ageOf(oldestMs)) },
  { head: "parked", width: 7, of: ({ parked }) => `${parked}` },
  { head: "done/s", width: 7, of: ({ linesPerS }) => rate(linesPerS) },
];
const laneColumns: readonly Column<LaneShown>[] = [
  { head: "LANES", width: 6, of: ({ lane }) => `${lane}` },
  { head: "owner", width: 26, of: ({ owner }) => owner ?? "nobody" },
  { head: "appended", width: 11, of: ({ appended }) => `${appended}` },
  { head: "in flight", width: 10, of: ({ inFlight }) => `${inFlight}` },
  { head: "oldest", width: 8, of: ({ inFlight, oldestMs }) => (inFlight === 0 ? "-" : ageOf(oldestMs)) },
  { head: "parked", width: 7, of: ({ parked }) => `${parked}` },
];
/** Of which the text stands left. */
const WORDS = new Set(["GATEWAYS", "WORKERS", "PODS", "LANES", "state", "owner"]);

/** Not wider than the frame, and not more lines than it has: of pods and lanes the last are counted instead. */
export function screenOf(overview: Overview, frame: Frame): readonly string[] {
  const { pods, lanes, failovers } = overview;
  const head = [headOf(overview), ...failoverLines(failovers, pods), ""];
  const room = Math.max(0, frame.rows - head.length - (lanes === null ? 0 : LANES_LEAST + 2));
  const podLines = cut(podTables(pods), room);
  const laneRoom = frame.rows - head.length - podLines.length - 1;
  const all = [...head, ...podLines, ...(lanes === null ? [] : ["", ...cut(laneTable(lanes), laneRoom)])];
  return all.map((line) => shortened(line, frame.columns)).slice(0, frame.rows);
}

function headOf({ at, pods }: Overview): string {
  const away = pods.filter(({ state }) => state === "away").length;
  const sum = (kind: string, of: "linesPerS" | "answersPerS") => {
    const rates = pods.flatMap((pod) => (pod.kind === kind && pod[of] !== null ? [pod[of]] : []));
    return rates.length === 0 ? "-" : rate(rates.reduce((total, one) => total + one, 0));
  };
  const answer = away === 0 ? `${pods.length} pods` : `${pods.length} pods, ${away} AWAY`;
  const flow = `in ${sum("gateway", "linesPerS")}/s  done ${sum("worker", "linesPerS")}/s  out ${sum("gateway", "answersPerS")}/s`;
  return `moa top  ${new Date(at).toISOString().slice(11, 19)}Z  ${answer}  ${flow}`;
}

function failoverLines(failovers: FailoversShown, pods: readonly PodShown[]): readonly string[] {
  const sum = (of: "writers" | "standbys" | "zombies" | "writerless") =>
    pods.reduce((total, pod) => total + pod[of], 0);
  const { byReason, inProgress, handovers, flaps, fencingViolations, heldActions } = failovers;
  const total = Object.values(byReason).reduce((all, count) => all + count, 0);
  const reasons = Object.entries(byReason).map(([reason, count]) => `${reason} ${count}`);
  return [
    `WRITERS    ${sum("writers")} write, ${sum("standbys")} stand by, ${sum("zombies")} zombies, ${sum("writerless")} bots without, ${heldActions} actions held`,
    `FAILOVERS  ${inProgress} now, ${total} in all, ${handovers} handovers, ${flaps} flaps, ${fencingViolations} fencing violations`,
    ...(reasons.length === 0 ? [] : [`           ${reasons.join(", ")}`]),
  ];
}

function podTables(pods: readonly PodShown[]): readonly string[] {
  const of = (kind: PodShown["kind"]) => pods.filter((pod) => pod.kind === kind);
  const unknown = of("unknown").map(({ pod }) => `${pod}  away`);
  return [
    ...tableOf(gatewayColumns, of("gateway")),
    ...tableOf(workerColumns, of("worker")),
    ...(unknown.length === 0 ? [] : ["PODS", ...unknown]),
  ];
}

/** What is furthest behind first. */
function laneTable(lanes: readonly LaneShown[]): readonly string[] {
  return tableOf(
    laneColumns,
    lanes.toSorted((a, b) => b.inFlight - a.inFlight || a.lane - b.lane),
  );
}

function tableOf<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): readonly string[] {
  if (rows.length === 0) return [];
  const line = (cell: (column: Column<Row>) => string) =>
    columns
      .map((column) => {
        const text = shortened(printable(cell(column)), column.width - 1);
        return WORDS.has(column.head) ? text.padEnd(column.width) : `${text.padStart(column.width - 1)} `;
      })
      .join("")
      .trimEnd();
  return [line(({ head }) => head), ...rows.map((row) => (isAway(row) ? awayLine(row) : line(({ of }) => of(row))))];
}

function isAway<Row>(row: Row): row is Row & PodShown {
  return (row as Partial<PodShown>).state === "away";
}

function awayLine({ pod }: PodShown): string {
  return `${shortened(printable(pod), 12).padEnd(13)}AWAY: it does not answer`;
}

function cut(lines: readonly string[], room: number): readonly string[] {
  if (lines.length <= room) return lines;
  return [...lines.slice(0, Math.max(0, room - 1)), `... and ${lines.length - Math.max(0, room - 1)} more`];
}

function shortened(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

function rate(perS: number | null): string {
  if (perS === null) return "-";
  return perS < 10 && perS > 0 ? perS.toFixed(1) : perS.toFixed(0);
}
