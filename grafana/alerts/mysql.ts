/** MySQL as the pods see it: away, refusing, slow. */
import { limits } from "#common/contract/limits.ts";
import { type Alert, DEPLOYMENT, RATE } from "./alert.ts";

const board = "moa-stores";

export const mysqlAlerts: readonly Alert[] = [
  {
    name: "MoaMysqlAway",
    severity: "page",
    board,
    expr: `sum ${DEPLOYMENT} (rate(moa_mysql_errors_total{code="connection"}[2m])) > 0 and sum ${DEPLOYMENT} (rate(moa_mysql_query_seconds_count[2m])) == 0`,
    for: "1m",
    summary: `No pod gets an answer from MySQL; ${RATE} calls a second fail`,
    description: `Commands that change nothing are answered, in rooms that pods know, for ${limits.approvalUsableMs / 60_000} minutes. New phones are not let in; orders wait, then are parked.`,
    fires: {
      series: {
        'moa_mysql_errors_total{code="connection"}': "0 0 0+120x12",
        moa_mysql_query_seconds_count: "0+60x2 120x12",
      },
      at: "8m",
      says: "No pod gets an answer from MySQL; 2.0 calls a second fail",
    },
    quiet: {
      series: {
        'moa_mysql_errors_total{code="connection"}': "0+120x12",
        moa_mysql_query_seconds_count: "0+60x12",
      },
      at: "8m",
      because: "other calls are answered",
    },
  },
  {
    name: "MoaMysqlReadOnly",
    severity: "page",
    board,
    expr: `sum ${DEPLOYMENT} (rate(moa_mysql_errors_total{code="read_only"}[2m])) > 0`,
    for: "1m",
    summary: `MySQL is read-only: ${RATE} writes a second are refused`,
    description:
      "The primary became a replica and pods still reach it, or somebody set it so. Orders wait and are then parked; the chat log waits.",
    fires: {
      series: { 'moa_mysql_errors_total{code="read_only"}': "0 0+60x9" },
      at: "6m",
      says: "MySQL is read-only: 1.0 writes a second are refused",
    },
    quiet: {
      series: { 'moa_mysql_errors_total{code="read_only"}': "0 5x9" },
      at: "6m",
      because: "a failover, and pods have found the new primary",
    },
  },
  {
    name: "MoaMysqlSlow",
    severity: "ticket",
    board,
    expr: `histogram_quantile(0.95, sum by (namespace, le) (rate(moa_mysql_query_seconds_bucket[10m]))) > 0.5`,
    for: "10m",
    summary: "One in twenty statements takes MySQL longer than {{ $value | humanizeDuration }}",
    description: `Turns that change something wait for it; one that takes longer than ${limits.turnMsMax / 1_000} s is parked.`,
    fires: {
      series: {
        'moa_mysql_query_seconds_bucket{le="0.5"}': "0+10x30",
        'moa_mysql_query_seconds_bucket{le="1"}': "0+20x30",
        'moa_mysql_query_seconds_bucket{le="+Inf"}': "0+20x30",
      },
      at: "25m",
      says: "One in twenty statements takes MySQL longer than 950ms",
    },
    quiet: {
      series: {
        'moa_mysql_query_seconds_bucket{le="0.5"}': "0+98x30",
        'moa_mysql_query_seconds_bucket{le="1"}': "0+100x30",
        'moa_mysql_query_seconds_bucket{le="+Inf"}': "0+100x30",
      },
      at: "25m",
      because: "two in a hundred are slow",
    },
  },
];
