/** Deploy and drain: what a rollout does to phones and lanes, and whether it costs anybody anything. */
import type { DashboardEntry } from "./panel.ts";
import { countOf, each, maxOf, quantilesOf, RECENT, rateOf, SHOWN, selector, sumOf } from "./series.ts";

const RATE = "$__rate_interval";

export const deploy: DashboardEntry = {
  uid: "moa-deploy",
  title: "moa / Deploy and drain",
  says: "A rollout costs nobody anything: bots are handed over before their sockets close, lanes are released before their worker ends. Watch it here, stop it (kubectl rollout pause) when a panel turns red.",
  rows: [
    {
      title: "Pods",
      panels: [
        {
          title: "Pods that answer",
          says: "Good: as many as were asked for; during a rollout one more.",
          kind: "tile",
          unit: "short",
          bounds: { bad: 2, isLess: true },
          alerts: ["MoaNoGateways", "MoaNoWorkers", "MoaPodDown"],
          queries: [{ expr: sumOf("build", { by: "service" }), legend: "{{service}}" }],
        },
        {
          title: "Youngest pod",
          says: "Time since the last start. Good: as long as the last rollout is ago; less: a pod died, its log and kubectl describe say why.",
          kind: "tile",
          unit: "s",
          alerts: ["MoaPodRestarts"],
          queries: [{ expr: `time() - max(${selector("process_start_time_seconds")})`, legend: "runs for" }],
        },
        {
          title: "Versions",
          says: "Good is 1; 2 while a rollout is under way. Longer: it stands still, see kubectl rollout status.",
          kind: "tile",
          unit: "short",
          bounds: { warn: 2, bad: 3 },
          alerts: ["MoaVersionsMixed"],
          queries: [{ expr: `count(count by (version) (${each("build")} == 1))`, legend: "versions" }],
        },
        {
          title: "Different settings",
          says: "Among pods of a kind, secrets left out. Good is 1 of each; 2 while a change is rolled out. Longer: a pod has not got it; moa config shows whose is what.",
          kind: "tile",
          unit: "short",
          bounds: { warn: 2, bad: 3 },
          alerts: ["MoaVersionsMixed"],
          queries: [
            {
              expr: `count by (service) (count_values by (service) ("hash", ${each("configHash")} * on (namespace, pod, instance) group_left (service) (${each("build")} == 1)))`,
              legend: "{{service}}",
            },
          ],
        },
        {
          title: "Connections still to be closed",
          says: "By drains under way. Good: falls by 250 a second and more, and 0 when nobody drains.",
          kind: "tile",
          unit: "short",
          alerts: ["MoaDrainDeadline"],
          queries: [{ expr: sumOf("drainRemaining"), legend: "connections" }],
        },
        {
          title: "Drains that ran out of time",
          says: "Good is 0. Phones were cut instead of handed over: too many for the grace period, or Redis was away.",
          kind: "tile",
          unit: "short",
          bounds: { bad: 1 },
          alerts: ["MoaDrainDeadline"],
          queries: [
            {
              expr: `sum(increase(${selector("moa_gateway_drain_seconds_count", { result: "deadline" })}[${SHOWN}]))`,
              legend: "drains",
            },
          ],
        },
        {
          title: "Pods that take no more phones",
          says: "Their listeners are shut because they have all the connections that they may. Good is 0: otherwise add gateways.",
          kind: "tile",
          unit: "short",
          bounds: { bad: 1 },
          alerts: ["MoaListenerFull"],
          queries: [{ expr: sumOf("listenerFull"), legend: "pods" }],
        },
        {
          title: "Abrupt takeovers",
          says: "Lanes whose worker ended without releasing them. Good is 0 at a rollout: otherwise workers are killed before they are done.",
          kind: "tile",
          unit: "short",
          bounds: { warn: 1, bad: 8 },
          queries: [{ expr: countOf("laneTakeovers", SHOWN, { where: { kind: "abrupt" } }), legend: "lanes" }],
        },
      ],
    },
    {
      title: "Pods under pressure",
      panels: [
        {
          title: "Event loop, p99",
          says: "Good: below 0.05 s. Near 1 s the pod looks dead to its phones: it is short of CPU, or something blocks.",
          kind: "lines",
          unit: "s",
          bounds: { warn: 0.25, bad: 0.75 },
          alerts: ["MoaEventLoopLag"],
          queries: [{ expr: selector("nodejs_eventloop_lag_p99_seconds"), legend: "{{pod}}" }],
        },
        {
          title: "Heap in use",
          says: "As a share of what Node may have. Good: below 70 % after a collection.",
          kind: "lines",
          unit: "percentunit",
          bounds: { warn: 0.7, bad: 0.85 },
          alerts: ["MoaHeapNearlyFull"],
          queries: [
            { expr: `${selector("nodejs_heap_size_used_bytes")} / ${each("heapLimitBytes")}`, legend: "{{pod}}" },
          ],
        },
        {
          title: "Connections, as a share of the most",
          says: "Good: below 70 %, so that the phones of a pod that ends find room.",
          kind: "lines",
          unit: "percentunit",
          bounds: { warn: 0.7, bad: 0.85 },
          alerts: ["MoaConnectionCeiling"],
          queries: [
            {
              expr: `${sumOf("connections", { by: "pod" })} / (${maxOf("connectionsMax", { by: "pod" })} > 0)`,
              legend: "{{pod}}",
            },
          ],
        },
        {
          title: "Sockets not read",
          says: "Because of back-pressure. Good: 0; a twentieth of all: lanes are full or Redis is away.",
          kind: "lines",
          unit: "short",
          alerts: ["MoaBackpressure"],
          queries: [{ expr: sumOf("socketsPaused", { by: "pod" }), legend: "{{pod}}" }],
        },
      ],
    },
    {
      title: "Gateways: phones leave and come",
      panels: [
        {
          title: "Connections by pod",
          says: "Good: the pod that goes falls in steps, the others rise by as much. Phones stay where they are after a rollout: it heals as they dial anew.",
          kind: "lines",
          unit: "short",
          queries: [{ expr: sumOf("connections", { by: "pod" }), legend: "{{pod}}" }],
        },
        {
          title: "Drains: remaining by pod",
          says: "Good: a straight way down to 0 within the grace period.",
          kind: "lines",
          unit: "short",
          alerts: ["MoaDrainDeadline"],
          queries: [{ expr: maxOf("drainRemaining", { by: "pod" }), legend: "{{pod}}" }],
        },
        {
          title: "How long drains took",
          says: "Good: well below 30 s, after which sockets are cut.",
          kind: "lines",
          unit: "s",
          bounds: { warn: 20, bad: 30 },
          alerts: ["MoaDrainDeadline"],
          queries: quantilesOf([0.5, 0.99], "drainSeconds", { window: RECENT }),
        },
        {
          title: "Bots handed over",
          says: "Good: ok, as many as the pod had writers with a standby elsewhere. unproven: the next writer had not confirmed when it ended.",
          kind: "bars",
          unit: "short",
          alerts: ["MoaHandoversFail"],
          queries: [{ expr: countOf("writerHandovers", RATE, { by: "result" }), legend: "{{result}}" }],
        },
        {
          title: "Phones dial again",
          says: "Good: spread out. A peak above what a gateway admits a second is a storm: rollouts go too fast.",
          kind: "lines",
          unit: "cps",
          queries: [{ expr: rateOf("connectionsOpened", { by: "pod" }), legend: "{{pod}}" }],
        },
        {
          title: "Handshakes",
          says: "Accept to identified. Good: p99 below 1 s, also while a whole pod's phones come back.",
          kind: "lines",
          unit: "s",
          bounds: { bad: 1 },
          queries: quantilesOf([0.5, 0.99], "handshakeSeconds", { where: { result: "ok" }, window: RECENT }),
        },
        {
          title: "Listeners shut",
          says: "Times a pod had all its connections. Good: none; phones back off and try the next.",
          kind: "bars",
          unit: "short",
          alerts: ["MoaListenerFull"],
          queries: [{ expr: countOf("listenerClosures", RATE, { by: "pod" }), legend: "{{pod}}" }],
        },
        {
          title: "Closed by a drain, and by other causes",
          says: "Good: drain alone while one runs. Other causes rise only where phones are cut: the grace period is too short.",
          kind: "bars",
          unit: "short",
          queries: [
            { expr: countOf("connectionsClosed", RATE, { where: { reason: "drain" } }), legend: "drain" },
            {
              expr: `${countOf("connectionsClosed", RATE)} - ${countOf("connectionsClosed", RATE, { where: { reason: "drain" } })}`,
              legend: "other causes",
            },
          ],
        },
      ],
    },
    {
      title: "Workers: lanes move",
      panels: [
        {
          title: "Lanes by worker",
          says: "Good: from the pod that goes to the others within a second, with no moment in which a lane is nobody's.",
          kind: "lines",
          unit: "short",
          queries: [{ expr: sumOf("lanesOwned", { by: "pod" }), legend: "{{pod}}" }],
        },
        {
          title: "Takeovers",
          says: "Good: clean ones only. Abrupt ones cost their rooms 3 s: the worker was killed before it released its lanes.",
          kind: "bars",
          unit: "short",
          queries: [{ expr: countOf("laneTakeovers", RATE, { by: "kind" }), legend: "{{kind}}" }],
        },
        {
          title: "What it cost: the oldest event",
          says: "Good: below 3 s at a rollout, which is the time to notice an abrupt end.",
          kind: "lines",
          unit: "s",
          bounds: { warn: 3, bad: 60 },
          alerts: ["MoaLaneStuck"],
          queries: [{ expr: maxOf("laneOldestSeconds"), legend: "oldest" }],
        },
        {
          title: "What it cost: answers shown again or late",
          says: "Good: none. A planned handover leaves nothing in doubt.",
          kind: "bars",
          unit: "short",
          queries: [
            { expr: countOf("actionsRedelivered", RATE, { by: "cause" }), legend: "shown again: {{cause}}" },
            { expr: countOf("actionsDelivered", RATE, { where: { result: "expired" } }), legend: "expired" },
          ],
        },
      ],
    },
  ],
};
