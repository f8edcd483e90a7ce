/** What a panel and a dashboard are to the one who writes them: plain data. build.ts makes Grafana's JSON of it. */
/** Grafana's words: `cps` is counts a second, `percentunit` 0 to 1, `short` a plain number. */
export const UNITS = ["s", "bytes", "cps", "percentunit", "short", "bool_yes_no"] as const;
export type Unit = (typeof UNITS)[number];

export interface Query {
  readonly expr: string;
  /** `{{label}}`s and words. */
  readonly legend: string;
}

export interface PanelEntry {
  readonly title: string;
  /** What good looks like, and what to do when it is not so. */
  readonly says: string;
  /** A tile shows the last value, large; lines and bars show how it came about. */
  readonly kind: "tile" | "lines" | "bars";
  readonly unit: Unit;
  readonly queries: readonly Query[];
  /** Columns of 24; a tile has 4 unless it says otherwise, the others 12. */
  readonly width?: number;
  readonly height?: number;
  /** From where it is a warning, and from where bad. With `isLess`, below. */
  readonly bounds?: Bounds;
  /** Names of the alerts (grafana/alerts) that it explains; it leads to their runbooks. */
  readonly alerts?: readonly string[];
}

export interface Bounds {
  readonly warn?: number;
  readonly bad: number;
  readonly isLess?: true;
}

export interface Row {
  readonly title: string;
  readonly panels: readonly PanelEntry[];
}

export interface DashboardEntry {
  readonly uid: `moa-${string}`;
  readonly title: string;
  readonly says: string;
  readonly rows: readonly Row[];
}
