/** What Grafana is given: dashboards as their JSON says, and what in them is wrong. */
import { LINKS, runbookOf } from "#grafana/alerts/rules.ts";
import { UNITS } from "#grafana/dashboards/panel.ts";
import { missing, type Page } from "./series-read.ts";

interface Place {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

export interface BoardPanel {
  readonly type: string;
  readonly id: number;
  title: string;
  description?: string;
  gridPos: Place;
  readonly targets?: { refId: string; expr: string; readonly datasource?: { readonly uid: string } }[];
  readonly links?: { url: string }[];
  readonly fieldConfig?: {
    readonly defaults: { unit?: string; readonly thresholds?: { readonly steps: readonly { value: number | null }[] } };
  };
}

export interface Board {
  readonly uid: string;
  readonly panels: BoardPanel[];
  readonly templating: { readonly list: { readonly name: string; readonly query: unknown }[] };
  readonly annotations: { readonly list: readonly { readonly expr?: string }[] };
}

const COLUMNS = 24;
const SAYS_CHARS_MIN = 40;
/** Grafana's own. */
const GIVEN = new Set(["__rate_interval", "__range"]);
/** What a pod shows; `missing` looks after it. */
const OURS = /^(moa|nodejs|process)_/;
/** Names in an expression that are no metric: what is called, and words of the language. */
const WORDS = new Set(["by", "on", "or", "and", "unless", "without", "ignoring", "group_left", "group_right", "bool"]);

export function shown(board: Board): readonly BoardPanel[] {
  return board.panels.filter(({ type }) => type !== "row");
}

export function exprsOf(board: Board): readonly string[] {
  return shown(board).flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
}

function faultsOf(boards: readonly Board[], find: (panel: BoardPanel, board: Board) => readonly string[]): string[] {
  return boards.flatMap((board) =>
    shown(board).flatMap((panel) => find(panel, board).map((fault) => `${board.uid} "${panel.title}": ${fault}`)),
  );
}

function doubles<T>(all: readonly T[]): readonly T[] {
  return all.filter((one, i) => all.indexOf(one) !== i);
}

export function doubled(boards: readonly Board[]): string[] {
  return [
    ...doubles(boards.map(({ uid }) => uid)).map((uid) => `${uid}: twice`),
    ...boards.flatMap(({ uid, panels }) => doubles(panels.map(({ id }) => id)).map((id) => `${uid}: id ${id} twice`)),
    ...boards.flatMap((board) =>
      doubles(shown(board).map(({ title }) => title)).map((title) => `${board.uid} "${title}": twice`),
    ),
    ...faultsOf(boards, ({ targets = [] }) =>
      doubles(targets.map(({ refId }) => refId)).map((id) => `query ${id} twice`),
    ),
  ];
}

export function overlapping(boards: readonly Board[]): string[] {
  const share = (a: Place, b: Place) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
  return boards.flatMap(({ uid, panels }) =>
    panels.flatMap(({ title, gridPos }, i) => [
      ...(gridPos.x + gridPos.w > COLUMNS ? [`${uid} "${title}": beyond the last column`] : []),
      ...panels
        .slice(i + 1)
        .filter((other) => share(gridPos, other.gridPos))
        .map((other) => `${uid} "${title}": over "${other.title}"`),
    ]),
  );
}

export function unexplained(boards: readonly Board[]): string[] {
  return faultsOf(boards, ({ title, description = "", fieldConfig, targets = [] }) => {
    const { unit = "", thresholds } = fieldConfig?.defaults ?? {};
    const values = (thresholds?.steps ?? []).map(({ value }) => value);
    const isRising = values.every((value, i) =>
      i === 0 ? value === null : Number(value) > Number(values[i - 1] ?? -1),
    );
    return [
      ...(title === "" ? ["no title"] : []),
      ...(description.length < SAYS_CHARS_MIN ? ["does not say what good is"] : []),
      ...((UNITS as readonly string[]).includes(unit) ? [] : [`the unit "${unit}"`]),
      ...(values.length > 0 && isRising ? [] : ["thresholds that do not rise"]),
      ...(targets.length > 0 ? [] : ["no query"]),
    ];
  });
}

export function deadVariables(boards: readonly Board[]): string[] {
  return boards.flatMap((board) => {
    const texts = shown(board).map((panel) => JSON.stringify(panel));
    const used = new Set(texts.flatMap((text) => [...text.matchAll(/\$\{?(\w+)/g)].map(([, name = ""]) => name)));
    const defined = board.templating.list.map(({ name }) => name);
    return [
      ...defined.filter((name) => !used.has(name)).map((name) => `${board.uid}: nothing asks for $${name}`),
      ...[...used]
        .filter((name) => !defined.includes(name) && !GIVEN.has(name))
        .map((name) => `${board.uid}: no variable $${name}`),
    ];
  });
}

export function seriesMissing(boards: readonly Board[], page: Page, recorded: ReadonlySet<string>): string[] {
  return faultsOf(boards, ({ targets = [] }) =>
    targets.flatMap(({ expr }) => [...missing(expr, page, recorded), ...strangers(expr, recorded)]),
  );
}

/** A metric of somebody else's: nobody here gives it. */
function strangers(expr: string, recorded: ReadonlySet<string>): readonly string[] {
  const bare = expr
    .replace(/"(?:[^"\\]|\\.)*"/g, "")
    .replace(/\{[^}]*\}|\[[^\]]*\]|\b(?:by|on|without|ignoring) \([^)]*\)/g, "");
  return [...bare.matchAll(/[A-Za-z_][\w:]*(?!\s*\()(?![\w:])/g)]
    .map(([name]) => name)
    .filter((name) => !OURS.test(name) && !WORDS.has(name) && name !== "ALERTS" && !recorded.has(name))
    .map((name) => `no metric ${name}`);
}

/** An alert sends its reader to a board, which leads on to the alert's runbook. */
export function unledAlerts(
  boards: readonly Board[],
  alerts: readonly { readonly name: string; readonly board: string }[],
): string[] {
  const urlOf = (name: string) => `${LINKS.runbooks}/${runbookOf(name)}`;
  const known = new Set(alerts.map(({ name }) => urlOf(name)));
  const linked = (uid: string) =>
    new Set(boards.filter((one) => one.uid === uid).flatMap((board) => shown(board).flatMap(urlsOf)));
  return [
    ...faultsOf(boards, (panel) =>
      urlsOf(panel)
        .filter((url) => !known.has(url))
        .map((url) => `leads to ${url}, of no alert`),
    ),
    ...alerts
      .filter(({ name, board }) => !linked(board).has(urlOf(name)))
      .map(({ name, board }) => `${name}: no panel of ${board} explains it`),
  ];
}

function urlsOf({ links = [] }: BoardPanel): readonly string[] {
  return links.map(({ url }) => url);
}
