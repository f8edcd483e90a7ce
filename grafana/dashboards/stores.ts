/** Redis, MySQL and Node: what the pods stand on, as the pods feel it. The servers' own exporters show their insides. */
import type { DashboardEntry } from "./panel.ts";
import { countOf, each, maxOf, quantilesOf, rateOf, selector, sumOf } from "./series.ts";

const RATE = "$__rate_interval";

export const stores: DashboardEntry = {
  uid: "moa-stores",
  title: "moa / Redis, MySQL and Node",
  says: "What the pods stand on, as they feel it. Errors here explain slow or standing stages elsewhere; look here before restarting anything: sockets survive a Redis that is away, a restart ends them.",
  rows: [
    {
      title: "Redis",
      panels: [
        {
          title: "Redis calls that failed",
          says: "Good: none. timeout and connection: it is away or slow; MISCONF, OOM, NOREPLICAS, READONLY: it refuses writes, and says why.",
          kind: "bars",
          unit: "cps",
          alerts: ["MoaRedisRefusesWrites", "MoaRedisAway"],
          queries: [{ expr: rateOf("redisCallErrors", { by: "code" }), legend: "{{code}}" }],
        },
        {
          title: "How long Redis takes to answer",
          says: "Each pod asks it every 2 s who it is, behind its calls under way. Good: p95 below 0.01 s. Nothing shown: it answers nobody.",
          kind: "lines",
          unit: "s",
          bounds: { warn: 0.05, bad: 0.1 },
          alerts: ["MoaRedisSlow", "MoaRedisAway"],
          queries: quantilesOf([0.5, 0.95], "redisAnswerSeconds"),
        },
        {
          title: "Settings under which Redis loses data",
          says: "Good: 0. eviction: set maxmemory-policy noeviction; persistence: appendonly yes; replicas: min-replicas-to-write 1.",
          kind: "lines",
          unit: "short",
          bounds: { bad: 1 },
          alerts: ["MoaRedisUnfit", "MoaRedisNotPersistent"],
          queries: [{ expr: maxOf("redisUnfitServers", { by: "fault" }), legend: "{{fault}}" }],
        },
        {
          title: "Memory of the fullest Redis",
          says: "As a share of its maxmemory; 0 where it has none. Good: below 60 %. At 100 % it refuses every write.",
          kind: "lines",
          unit: "percentunit",
          bounds: { warn: 0.6, bad: 0.8 },
          alerts: ["MoaRedisMemoryHigh"],
          queries: [{ expr: maxOf("redisMemoryRatio"), legend: "used" }],
        },
        {
          title: "Redis' clock less ours",
          says: "Good: milliseconds. A second and more shortens lives and deadlines: look at the time service of that node.",
          kind: "lines",
          unit: "s",
          bounds: { bad: 1 },
          alerts: ["MoaClockSkew"],
          queries: [{ expr: each("redisClockSkewSeconds"), legend: "{{pod}}" }],
        },
        {
          title: "Rings too short",
          says: "By how much the ring of what Redis acknowledged reaches back less than 15 s. Good: 0; more: add gateways.",
          kind: "lines",
          unit: "s",
          bounds: { warn: 1, bad: 5 },
          alerts: ["MoaReplayRingShort"],
          queries: [{ expr: maxOf("replayRingShortSeconds", { by: "pod" }), legend: "{{pod}}" }],
        },
        {
          title: "Connections made again",
          says: "Good: none. All pods at once is Redis or its network, one pod is that pod.",
          kind: "bars",
          unit: "short",
          queries: [{ expr: countOf("redisReconnects", RATE, { by: "purpose" }), legend: "{{purpose}}" }],
        },
        {
          title: "Another Redis answered",
          says: "A failover or restart: loss is assumed, rings are put back. Good: none that nobody planned.",
          kind: "bars",
          unit: "short",
          alerts: ["MoaReplayRunning"],
          queries: [{ expr: countOf("redisFailovers", RATE, { by: "pod" }), legend: "{{pod}}" }],
        },
        {
          title: "Subscribers restarted",
          says: "They did not hear their own probe for 5 s. Good: none; streams are read meanwhile, so that answers come later and none is lost.",
          kind: "bars",
          unit: "short",
          alerts: ["MoaSubscribersDeaf"],
          queries: [{ expr: countOf("probeSilences", RATE, { by: "pod" }), legend: "{{pod}}" }],
        },
        {
          title: "Put back after a loss",
          says: "Events and decisions given to Redis again. restored: they were gone. Good: none, and after a loss no given_up.",
          kind: "bars",
          unit: "short",
          alerts: ["MoaAcknowledgedEventsLost", "MoaReplayRunning"],
          queries: [
            { expr: countOf("replayed", RATE, { where: { what: "event" }, by: "result" }), legend: "event {{result}}" },
            {
              expr: countOf("replayed", RATE, { where: { what: "decision" }, by: "result" }),
              legend: "decision {{result}}",
            },
            { expr: countOf("replayBeyondRing", RATE), legend: "beyond the ring" },
          ],
        },
        {
          title: "Held back because of Redis",
          says: "Bytes read and not yet usable, bytes that wait for sockets, and sockets not read. Good: low and flat; a pod shuts its intake at its bounds.",
          kind: "lines",
          unit: "bytes",
          queries: [
            { expr: sumOf("heldBytes", { by: "pod" }), legend: "{{pod}} held" },
            { expr: sumOf("socketBufferedBytes", { by: "pod" }), legend: "{{pod}} to write" },
            { expr: maxOf("socketBufferedMaxBytes", { by: "pod" }), legend: "{{pod}} fullest socket" },
          ],
        },
      ],
    },
    {
      title: "MySQL",
      panels: [
        {
          title: "MySQL calls that failed",
          says: "Good: none. connection: it is away; read_only: we reached a replica; deadlock: tried again.",
          kind: "bars",
          unit: "cps",
          alerts: ["MoaMysqlAway", "MoaMysqlReadOnly"],
          queries: [{ expr: rateOf("mysqlErrors", { by: "code" }), legend: "{{code}}" }],
        },
        {
          title: "How long MySQL takes to answer",
          says: "Statements of all kinds, each from its sending. Good: p95 below 0.05 s.",
          kind: "lines",
          unit: "s",
          bounds: { warn: 0.1, bad: 0.5 },
          alerts: ["MoaMysqlSlow", "MoaMysqlAway"],
          queries: quantilesOf([0.5, 0.95], "mysqlQuerySeconds"),
        },
        {
          title: "What MySQL said of devices and rooms",
          says: "Good: approved. unknown: it said nothing in 2 s; what was approved before is believed for 15 minutes.",
          kind: "bars",
          unit: "cps",
          queries: [
            {
              expr: rateOf("approvalsAsked", { where: { kind: "device" }, by: "status" }),
              legend: "device {{status}}",
            },
            { expr: rateOf("approvalsAsked", { where: { kind: "room" }, by: "status" }), legend: "room {{status}}" },
          ],
        },
      ],
    },
    {
      title: "Node",
      panels: [
        {
          title: "Event loop, p99",
          says: "Good: below 0.05 s. Near 1 s the pod itself looks dead to its phones: it is short of CPU, or something blocks.",
          kind: "lines",
          unit: "s",
          bounds: { warn: 0.25, bad: 1 },
          alerts: ["MoaEventLoopLag"],
          queries: [{ expr: selector("nodejs_eventloop_lag_p99_seconds"), legend: "{{pod}}" }],
        },
        {
          title: "CPU",
          says: "Cores per pod. A pod's JavaScript has one: good is below 0.7, above it add pods.",
          kind: "lines",
          unit: "short",
          bounds: { warn: 0.7, bad: 0.95 },
          queries: [{ expr: `rate(${selector("process_cpu_seconds_total")}[${RATE}])`, legend: "{{pod}}" }],
        },
        {
          title: "Memory",
          says: "Resident, and of it the heap in use. Good: flat over hours. A heap that climbs for ever ends in a restart.",
          kind: "lines",
          unit: "bytes",
          queries: [
            { expr: selector("process_resident_memory_bytes"), legend: "{{pod}} resident" },
            { expr: selector("nodejs_heap_size_used_bytes"), legend: "{{pod}} heap" },
          ],
        },
        {
          title: "Time in garbage collection",
          says: "The share of each second. Good: below 5 %.",
          kind: "lines",
          unit: "percentunit",
          bounds: { warn: 0.05, bad: 0.2 },
          queries: [
            { expr: `sum by (pod) (rate(${selector("nodejs_gc_duration_seconds_sum")}[${RATE}]))`, legend: "{{pod}}" },
          ],
        },
        {
          title: "Files and sockets open",
          says: "As a share of what the process may have. Good: below 70 %.",
          kind: "lines",
          unit: "percentunit",
          bounds: { warn: 0.7, bad: 0.9 },
          queries: [{ expr: `${selector("process_open_fds")} / ${selector("process_max_fds")}`, legend: "{{pod}}" }],
        },
        {
          title: "Sockets not read",
          says: "Because of back-pressure: their lane is away or full, or their bot says more than its quota. Good: 0.",
          kind: "lines",
          unit: "short",
          bounds: { warn: 1, bad: 100 },
          queries: [{ expr: maxOf("socketsPaused", { by: "pod" }), legend: "{{pod}}" }],
        },
      ],
    },
  ],
};
