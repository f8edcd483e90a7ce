/** What workers do beside turns: the chat log's way to MySQL, and jobs. A row of the board of lanes. */
import { JOB_STATES } from "#common/observe/lane-metrics.ts";
import type { Row } from "./panel.ts";
import { countOf, maxOf, quantileOf, quantilesOf, RECENT, rateOf, SHOWN } from "./series.ts";

export const background: Row = {
  title: "Chat log and jobs",
  panels: [
    {
      title: "Rows",
      says: "written: committed to MySQL. refused: MySQL never takes their values; good is none, the log names them.",
      kind: "lines",
      unit: "cps",
      alerts: ["MoaChatLogRowsLost"],
      queries: [
        { expr: rateOf("rowsWritten"), legend: "written" },
        { expr: rateOf("rowsRefused"), legend: "refused" },
      ],
    },
    {
      title: "Transactions of the row writer",
      says: "Good: p99 below 0.5 s. moved: another worker's row writer was faster, which a takeover explains.",
      kind: "lines",
      unit: "s",
      bounds: { bad: 0.5 },
      alerts: ["MoaChatLogBehind"],
      queries: quantilesOf([0.5, 0.99], "rowsBatchSeconds"),
    },
    {
      title: "Jobs that failed, in the time shown",
      says: "Good is 0. They are tried again by their queue's rule; the log has the error.",
      kind: "bars",
      unit: "short",
      bounds: { bad: 1 },
      alerts: ["MoaJobsFail"],
      queries: [{ expr: countOf("jobs", SHOWN, { where: { outcome: "failed" }, by: "queue" }), legend: "{{queue}}" }],
    },
    {
      title: "Jobs by state",
      says: "Good: one delayed for each queue, the next run. waiting that stays: no worker takes jobs; failed are kept for a look.",
      kind: "lines",
      unit: "short",
      alerts: ["MoaOutboxNotSwept"],
      queries: JOB_STATES.map((state) => ({
        expr: maxOf("queuedJobs", { where: { state }, by: "queue" }),
        legend: `{{queue}} ${state}`,
      })),
    },
    {
      title: "How long jobs run",
      says: "Good: p99 below their period. One that takes longer keeps the next one waiting.",
      kind: "lines",
      unit: "s",
      alerts: ["MoaJobsFail"],
      queries: [{ expr: quantileOf(0.99, "jobSeconds", { by: "queue", window: RECENT }), legend: "p99 {{queue}}" }],
    },
    {
      title: "Sendings of schedules, in the time shown",
      says: "Good: success. failed: no phone showed it, or its room is not approved; missed: nothing ran when it was due. moa schedules show has the reason.",
      kind: "bars",
      unit: "short",
      queries: [{ expr: countOf("scheduledSendings", SHOWN, { by: "outcome" }), legend: "{{outcome}}" }],
    },
    {
      title: "Jobs run, and rows dropped as outdated",
      says: "Good: each queue at its period. Rows are dropped only where a retention is set.",
      kind: "bars",
      unit: "short",
      queries: [
        { expr: countOf("jobs", "$__rate_interval", { by: "queue" }), legend: "{{queue}}" },
        { expr: countOf("rowsDropped", "$__rate_interval", { by: "table" }), legend: "dropped: {{table}}" },
      ],
    },
  ],
};
