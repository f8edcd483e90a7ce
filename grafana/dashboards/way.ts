/**
 * One message: ARCHITECTURE's drawing as a dashboard. The way in goes from left to right, the way back from right to left
 * below it, so that a stage stands above the one that answers it. Each stage has how much, how long, and its other exits.
 */
import type { DashboardEntry } from "./panel.ts";
import { maxOf, observedOf, quantileOf, rateOf, sumOf } from "./series.ts";

/** Four stages side by side. */
const COLUMN = { width: 6 };
const LOW = { ...COLUMN, height: 4 };
const TALL = { ...COLUMN, height: 7 };

export const way: DashboardEntry = {
  uid: "moa-message",
  title: "moa / One message",
  says: "The way of a line and its answer, laid out as ARCHITECTURE draws it: in from left to right, back from right to left. A stage whose time grows while the one before it is well is the culprit.",
  rows: [
    {
      title: "In:   phone  ──>  gateway  ──>  lane  ──>  turn",
      panels: [
        {
          ...LOW,
          title: "1 Phones say",
          says: "Lines of chat read from phones. Good: as usual for the hour.",
          kind: "tile",
          unit: "cps",
          queries: [{ expr: rateOf("frames", { where: { direction: "in", type: "chat" } }), legend: "lines" }],
        },
        {
          ...LOW,
          title: "2 Gateways append",
          says: "Events whose append Redis acknowledged: from here on nothing is lost. Good: as many as were received.",
          kind: "tile",
          unit: "cps",
          queries: [{ expr: rateOf("eventsAppended"), legend: "events" }],
        },
        {
          ...LOW,
          title: "3 Lanes hold",
          says: "Events appended and not yet done. Good: a second's worth. A backlog that grows needs workers, or a lane has no owner.",
          kind: "tile",
          unit: "short",
          bounds: { warn: 5_000, bad: 50_000 },
          alerts: ["MoaLaneBacklogHigh"],
          queries: [{ expr: sumOf("laneBacklogEvents"), legend: "events" }],
        },
        {
          ...LOW,
          title: "4 Turns run",
          says: "Turns of commands decided. Other lines are recorded and not run.",
          kind: "tile",
          unit: "cps",
          queries: [{ expr: observedOf("turnSeconds"), legend: "turns" }],
        },
        {
          ...TALL,
          title: "1 Round trip to the phone",
          says: "Our ping to its echo. Good: below 1 s; above it the network or the phone is slow, and every answer takes as long.",
          kind: "lines",
          unit: "s",
          bounds: { bad: 5 },
          queries: [
            { expr: quantileOf(0.5, "heartbeatRttSeconds"), legend: "p50" },
            { expr: quantileOf(0.99, "heartbeatRttSeconds"), legend: "p99" },
          ],
        },
        {
          ...TALL,
          title: "2 Frame read to append acknowledged",
          says: "Good: p99 below 0.5 s. It is Redis' time and the wait for the append before; sockets are held when a lane is full or away.",
          kind: "lines",
          unit: "s",
          bounds: { bad: 0.5 },
          alerts: ["MoaAppendBudgetBurn"],
          queries: [
            { expr: quantileOf(0.5, "deliverySeconds", { where: { leg: "in" } }), legend: "p50" },
            { expr: quantileOf(0.99, "deliverySeconds", { where: { leg: "in" } }), legend: "p99" },
          ],
        },
        {
          ...TALL,
          title: "3 Frame read to turn started",
          says: "Good: p99 below 1 s. What it has beyond stage 2 is the wait in the lane and for the room's turn before.",
          kind: "lines",
          unit: "s",
          bounds: { bad: 1 },
          alerts: ["MoaLaneStuck"],
          queries: [
            { expr: quantileOf(0.5, "deliverySeconds", { where: { leg: "dispatch" } }), legend: "p50" },
            { expr: quantileOf(0.99, "deliverySeconds", { where: { leg: "dispatch" } }), legend: "p99" },
          ],
        },
        {
          ...TALL,
          title: "4 Turn started to decided",
          says: "Good: milliseconds. A turn may take 5 s, then it is parked; a slow command blocks its own room only.",
          kind: "lines",
          unit: "s",
          bounds: { bad: 5 },
          alerts: ["MoaEventsParked"],
          queries: [
            { expr: quantileOf(0.5, "turnSeconds"), legend: "p50" },
            { expr: quantileOf(0.99, "turnSeconds"), legend: "p99" },
          ],
        },
        {
          ...TALL,
          title: "1 Not usable, not read",
          says: "Good: none. Frames that could not be decoded, and sockets held back because their lane is away or full.",
          kind: "lines",
          unit: "short",
          alerts: ["MoaFrameErrors"],
          queries: [
            { expr: rateOf("frameErrors"), legend: "faulty frames/s" },
            { expr: sumOf("socketsPaused"), legend: "sockets held" },
          ],
        },
        {
          ...TALL,
          title: "2 Not accepted",
          says: "Good: twins only, which are one line reported twice. Quotas and signatures refuse the rest, counted by cause.",
          kind: "bars",
          unit: "cps",
          queries: [{ expr: rateOf("eventsNotAccepted", { by: "reason" }), legend: "{{reason}}" }],
        },
        {
          ...TALL,
          title: "3 Repeats stopped",
          says: "Good: few. Repeats come from tries made again and from takeovers; each sink stops its own.",
          kind: "bars",
          unit: "cps",
          queries: [{ expr: rateOf("duplicatesSuppressed", { by: "layer" }), legend: "{{layer}}" }],
        },
        {
          ...TALL,
          title: "4 Outcomes other than handled",
          says: "Good: none but refused, which are lines of rooms that nobody approved. Parked ones wait for moa parked; expired ones came too late.",
          kind: "bars",
          unit: "cps",
          queries: [
            {
              expr: rateOf("eventsHandled", {
                where: { outcome: ["duplicate", "refused", "parked", "expired"] },
                by: "outcome",
              }),
              legend: "{{outcome}}",
            },
          ],
        },
      ],
    },
    {
      title: "Back:   phone  <──  gateway  <──  outbox  <──  commit",
      panels: [
        {
          ...LOW,
          title: "8 Phones confirm",
          says: "Answers that a barrier's echo proved read. Good: as many as were delivered.",
          kind: "tile",
          unit: "cps",
          queries: [{ expr: rateOf("actionsDelivered", { where: { result: "confirmed" } }), legend: "answers" }],
        },
        {
          ...LOW,
          title: "7 Gateways write",
          says: "Action frames written to phones. Good: as many as answers are enqueued; resent ones count again.",
          kind: "tile",
          unit: "cps",
          queries: [{ expr: rateOf("frames", { where: { direction: "out", type: "action" } }), legend: "answers" }],
        },
        {
          ...LOW,
          title: "6 Outboxes without a phone",
          says: "Answers for bots that have no connection: they wait until their deadline. Good: none.",
          kind: "tile",
          unit: "cps",
          queries: [{ expr: rateOf("actionsWithoutWriter", { where: { what: "unattended" } }), legend: "unattended" }],
        },
        {
          ...LOW,
          title: "5 Workers commit",
          says: "Events done, whatever their outcome. Good: as many as were appended.",
          kind: "tile",
          unit: "cps",
          queries: [{ expr: rateOf("eventsHandled"), legend: "events" }],
        },
        {
          ...TALL,
          title: "8 Written to confirmed",
          says: "A barrier to its echo. Good: below 1 s. At 4.3 s unanswered the connection is given up.",
          kind: "lines",
          unit: "s",
          bounds: { warn: 1, bad: 4.3 },
          alerts: ["MoaZombieWriterStuck"],
          queries: [
            { expr: quantileOf(0.5, "barrierRttSeconds"), legend: "p50" },
            { expr: quantileOf(0.99, "barrierRttSeconds"), legend: "p99" },
          ],
        },
        {
          ...TALL,
          title: "7 Frame read to answer written",
          says: "The whole way but for the phone. Good: p99 below 2 s. Compare with stage 3: what is more is the turn, the commit and the outbox.",
          kind: "lines",
          unit: "s",
          bounds: { bad: 2 },
          alerts: ["MoaDeliveryBudgetBurn"],
          queries: [
            { expr: quantileOf(0.5, "deliverySeconds", { where: { leg: "out" } }), legend: "p50" },
            { expr: quantileOf(0.99, "deliverySeconds", { where: { leg: "out" } }), legend: "p99" },
          ],
        },
        {
          ...TALL,
          title: "6 Streams read, because the doorbell did not do",
          says: "Good: attached only, when a phone comes. Gaps and dirty marks are publications that were lost and found again within 2 s.",
          kind: "bars",
          unit: "cps",
          queries: [{ expr: rateOf("sequenceGaps", { by: "cause" }), legend: "{{cause}}" }],
        },
        {
          ...TALL,
          title: "5 Oldest event not done",
          says: "From the append to the commit, of the event that waits longest. Good: below 1 s.",
          kind: "lines",
          unit: "s",
          bounds: { warn: 10, bad: 60 },
          alerts: ["MoaLaneStuck"],
          queries: [{ expr: maxOf("laneOldestSeconds", { by: "pod" }), legend: "{{pod}}" }],
        },
        {
          ...TALL,
          title: "8 In doubt",
          says: "Written, not confirmed, and their writer is gone. Good: none; resend shows again and says so, hold waits for moa held.",
          kind: "bars",
          unit: "cps",
          queries: [{ expr: rateOf("ambiguousActions", { by: "class" }), legend: "{{class}}" }],
        },
        {
          ...TALL,
          title: "7 Answers not shown",
          says: "Good: none. Expired ones were too late, unshowable ones have no form in the phone's dialect; known ones are repeats stopped.",
          kind: "bars",
          unit: "cps",
          queries: [
            {
              expr: rateOf("actionsDelivered", {
                where: { result: ["expired", "unshowable", "known", "dropped", "held"] },
                by: "result",
              }),
              legend: "{{result}}",
            },
          ],
        },
        {
          ...TALL,
          title: "6 Given way, shown again",
          says: "Good: none. Dropped: a bot without phones has more waiting than it may. Shown again: a failover left in doubt whether it was read.",
          kind: "bars",
          unit: "cps",
          queries: [
            { expr: rateOf("actionsWithoutWriter", { where: { what: "dropped" } }), legend: "dropped" },
            { expr: rateOf("actionsRedelivered", { by: "cause" }), legend: "again: {{cause}}" },
          ],
        },
        {
          ...TALL,
          title: "5 Fenced",
          says: "Good: none but at takeovers. A worker or gateway that was paused tried to go on under a right it has no more, and was refused.",
          kind: "bars",
          unit: "cps",
          queries: [{ expr: rateOf("fencingRejections", { by: "point" }), legend: "{{point}}" }],
        },
      ],
    },
    {
      title: "On record:   lane  ──>  rows  ──>  MySQL",
      panels: [
        {
          title: "Rows not yet in MySQL",
          says: "Good: a few hundred. They wait in Redis while MySQL is away, and neither answers nor commits wait with them.",
          kind: "lines",
          unit: "short",
          bounds: { warn: 10_000, bad: 100_000 },
          alerts: ["MoaChatLogBehind"],
          queries: [{ expr: sumOf("rowsBacklog"), legend: "entries" }],
        },
        {
          title: "One transaction of the row writer",
          says: "Good: p99 below 0.5 s. Errors are tried again; rows are refused only where MySQL never takes their values.",
          kind: "lines",
          unit: "s",
          bounds: { bad: 0.5 },
          alerts: ["MoaChatLogBehind"],
          queries: [
            { expr: quantileOf(0.5, "rowsBatchSeconds", { where: { result: "ok" } }), legend: "p50" },
            { expr: quantileOf(0.99, "rowsBatchSeconds", { where: { result: "ok" } }), legend: "p99" },
          ],
        },
      ],
    },
  ],
};
