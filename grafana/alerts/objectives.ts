/**
 * The objectives, and their alerts by burn rate (SRE workbook): a page when 2 % of a month's budget goes in an hour or 5 %
 * in six, a ticket when 10 % goes in three days. The short window ends the alert soon after the cause has ended.
 *
 *                    long   short   burns
 *   page     either  1h     5m      14.4 times what would last a month
 *            or      6h     30m     6 times
 *   ticket           3d     6h      once
 *
 * Each asks for a least number of events: one slow answer at night is no hundred percent.
 */
import { isPlanned } from "#common/contract/evidence.ts";
import { metricCatalogue } from "#common/observe/metric-catalogue.ts";
import { type Alert, type Board, DEPLOYMENT, le, type Recording, type Series } from "./alert.ts";

const SHORT_WINDOWS = ["5m", "30m", "1h", "6h"] as const;
const LONG_WINDOWS = ["3d"] as const;

interface Objective {
  /** Of the recordings: moa:<of>:ratio_rate1h. */
  readonly of: string;
  readonly name: string;
  readonly board: Board;
  /** Share that may fail over a month. */
  readonly budget: number;
  /** Failed, and all, over a window. */
  readonly failed: (window: string) => string;
  readonly all: (window: string) => string;
  /** Events in the long window, below which it says nothing. */
  readonly least: number;
  readonly what: string;
  readonly means: string;
  /** Of one share of failures, the series a minute. */
  readonly series: (failedShare: number, minutes: number) => Series;
}

const UNPLANNED = metricCatalogue.writerOutageSeconds.labels.reason.filter((reason) => !isPlanned(reason)).join("|");
const OUTAGE_EDGE = 5;
const ANSWER_EDGE = 2;
const APPEND_EDGE = 0.5;

const PAGE_MINUTES = 70;
/** What the slow burn's cases run by: three days of minutes would take a test a minute. */
const SLOW = { every: "30m", steps: 150, at: "73h" } as const;

const countOf = (series: string, window: string) => `sum ${DEPLOYMENT} (rate(${series}[${window}]))`;
const slow = (name: string, labels: string, edge: number) => (window: string) =>
  `(${countOf(`${name}_count{${labels}}`, window)} - ${countOf(`${name}_bucket{${labels},${le(edge)}}`, window)})`;

const legSeries = (leg: string, edge: number) => (failedShare: number, minutes: number) => ({
  [`moa_delivery_seconds_count{leg="${leg}"}`]: `0+1000x${minutes}`,
  [`moa_delivery_seconds_bucket{leg="${leg}",le="${edge}"}`]: `0+${1_000 * (1 - failedShare)}x${minutes}`,
});

export const objectives: readonly Objective[] = [
  {
    of: "delivery_slow",
    name: "MoaDeliveryBudgetBurn",
    board: "moa-message",
    budget: 0.01,
    failed: slow("moa_delivery_seconds", 'leg="out"', ANSWER_EDGE),
    all: (window) => countOf('moa_delivery_seconds_count{leg="out"}', window),
    least: 100,
    what: `of answers took longer than ${ANSWER_EDGE} s`,
    means: `99 % of answers shall be written to the phone within ${ANSWER_EDGE} s of the line that they answer. People wait.`,
    series: legSeries("out", ANSWER_EDGE),
  },
  {
    of: "append_slow",
    name: "MoaAppendBudgetBurn",
    board: "moa-message",
    budget: 0.01,
    failed: slow("moa_delivery_seconds", 'leg="in"', APPEND_EDGE),
    all: (window) => countOf('moa_delivery_seconds_count{leg="in"}', window),
    least: 100,
    what: `of lines took longer than ${APPEND_EDGE} s to get into their lane`,
    means: `99 % of lines shall be in Redis within ${APPEND_EDGE} s of being read. Until then they are in a gateway's memory alone.`,
    series: legSeries("in", APPEND_EDGE),
  },
  {
    of: "handling_failed",
    name: "MoaHandlingBudgetBurn",
    board: "moa-lanes",
    budget: 0.001,
    failed: (window) => countOf('moa_messages_handled_total{outcome=~"parked|expired"}', window),
    all: (window) => countOf("moa_messages_handled_total", window),
    least: 100,
    what: "of events were parked, or answered too late to be shown",
    means:
      "99.9 % of events shall be done without a person: what is parked waits for an operator, what expired was not answered.",
    series: (failedShare, minutes) => ({
      'moa_messages_handled_total{kind="chat",outcome="handled"}': `0+${1_000 * (1 - failedShare)}x${minutes}`,
      'moa_messages_handled_total{kind="chat",outcome="parked"}': `0+${500 * failedShare}x${minutes}`,
      'moa_messages_handled_total{kind="chat",outcome="expired"}': `0+${500 * failedShare}x${minutes}`,
    }),
  },
  {
    of: "writer_outage_slow",
    name: "MoaWriterOutageBudgetBurn",
    board: "moa-writers",
    budget: 0.01,
    failed: slow("moa_writer_outage_seconds", `reason=~"${UNPLANNED}"`, OUTAGE_EDGE),
    all: (window) => countOf(`moa_writer_outage_seconds_count{reason=~"${UNPLANNED}"}`, window),
    least: 20,
    what: `of failovers left their bot without a confirmed answer for longer than ${OUTAGE_EDGE} s`,
    means: `99 % of unplanned failovers, where somebody stood by and something waited, shall take at most ${OUTAGE_EDGE} s from the last proof of life of the old writer to the first confirmation by the new one.`,
    series: (failedShare, minutes) => ({
      'moa_writer_outage_seconds_count{reason="barrier_timeout"}': `0+100x${minutes}`,
      [`moa_writer_outage_seconds_bucket{reason="barrier_timeout",le="${OUTAGE_EDGE}"}`]: `0+${100 * (1 - failedShare)}x${minutes}`,
    }),
  },
  {
    of: "writerless",
    name: "MoaWriterAvailabilityBudgetBurn",
    board: "moa-writers",
    budget: 0.0005,
    failed: (window) => `sum ${DEPLOYMENT} (avg_over_time(moa_writerless_bots[${window}]))`,
    all: (window) => `sum ${DEPLOYMENT} (avg_over_time(moa_registered_bots[${window}]))`,
    least: 0,
    what: "of bots with a connection had nobody who writes for them",
    means: "99.95 % of bots with a connection shall have a writer, averaged over time. Without one nothing is shown.",
    series: (failedShare, minutes) => ({
      moa_registered_bots: `10000x${minutes}`,
      moa_writerless_bots: `${10_000 * failedShare}x${minutes}`,
    }),
  },
];

function recordingsOf(windows: readonly string[]): readonly Recording[] {
  return objectives.flatMap(({ of, failed, all }) =>
    windows.map((window) => ({
      record: `moa:${of}:ratio_rate${window}`,
      expr: `${failed(window)} / (${all(window)} > 0)`,
    })),
  );
}

export const shortRecordings = recordingsOf(SHORT_WINDOWS);
export const longRecordings = recordingsOf(LONG_WINDOWS);

export const objectiveAlerts: readonly Alert[] = objectives.flatMap((objective): readonly Alert[] => {
  const { name, board, of, budget, least, all, what, means, series } = objective;
  const over = (window: string, times: number) => `moa:${of}:ratio_rate${window} > ${figure(times * budget)}`;
  const enough = (window: string, seconds: number) => `and ${all(window)} * ${seconds} > ${least}`;
  const hour = `(${over("1h", 14.4)} and ${over("5m", 14.4)} ${enough("1h", 3_600)})`;
  const sixHours = `(${over("6h", 6)} and ${over("30m", 6)} ${enough("6h", 21_600)})`;
  const page = 20 * budget;
  return [
    {
      name,
      severity: "page",
      board,
      expr: `${hour} or ${sixHours}`,
      summary: `{{ $value | humanizePercentage }} ${what}`,
      description: `${means} At this rate the month's allowance is gone within two days.`,
      fires: { series: series(page, PAGE_MINUTES), at: "70m", says: `${percent(page)} ${what}` },
      quiet: { series: series(budget, PAGE_MINUTES), at: "70m", because: "it burns as fast as it may" },
    },
    {
      name,
      severity: "ticket",
      board,
      expr: `${over("3d", 1)} and ${over("6h", 1)} ${enough("3d", 259_200)}`,
      for: "1h",
      summary: `{{ $value | humanizePercentage }} ${what}, for three days`,
      description: `${means} At this rate the month's allowance does not last.`,
      fires: {
        ...SLOW,
        series: series(2 * budget, SLOW.steps),
        says: `${percent(2 * budget)} ${what}, for three days`,
      },
      quiet: { ...SLOW, series: series(budget / 2, SLOW.steps), because: "half of what it may" },
    },
  ];
});

/** Without the dust of binary fractions. */
function figure(value: number): string {
  return String(Number(value.toPrecision(6)));
}

/** As Prometheus' humanizePercentage. */
function percent(share: number): string {
  return `${figure(share * 100)}%`;
}
