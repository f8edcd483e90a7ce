/** The pods themselves: gone, dying, standing still, full. */
import { limits } from "#common/contract/limits.ts";
import { type Alert, COUNT, DEPLOYMENT, NAMED, OURS, POD } from "./alert.ts";

const board = "moa-deploy";
const LOOP = limits.lifeMs / 4_000;
/** `up` has no name of ours: scrape jobs are called after the objects that they scrape, with the namespace before it or not. */
const JOB = 'job=~"(.*/)?moa-(gateway|workers)"';
const FULL = 0.85;

const none = (service: "gateway" | "worker", name: string, what: string): Alert => ({
  name,
  severity: "page",
  board,
  expr: `absent(moa_build_info{service="${service}"} == 1)`,
  for: "1m",
  summary: `Prometheus sees no ${service} at all`,
  description: `${what} Or they run, and Prometheus does not scrape them: then every other alert is blind.`,
  fires: {
    series: { [`moa_build_info{service="${service}"}`]: "1x3 _x20" },
    at: "12m",
    says: `Prometheus sees no ${service} at all`,
  },
  quiet: {
    series: { [`moa_build_info{service="${service}"}`]: "1x3 _ _ 1x20" },
    at: "12m",
    because: "two scrapes are missing",
  },
});

export const podAlerts: readonly Alert[] = [
  none("gateway", "MoaNoGateways", "Phones dial and find nobody."),
  none("worker", "MoaNoWorkers", "Lines are taken in, and nobody answers."),
  {
    name: "MoaPodDown",
    severity: "ticket",
    board,
    expr: `up{${JOB}} == 0`,
    for: "5m",
    summary: `${NAMED} ({{ $labels.job }}) has not answered Prometheus for 5 minutes`,
    description:
      "Its bots and lanes are with other pods by now. It does not come back by itself, or its ops port is not reached.",
    fires: {
      series: { 'up{job="prod/moa-workers",pod="worker-1"}': "1 0x9" },
      at: "7m",
      labels: { job: "prod/moa-workers", pod: "worker-1" },
      says: "worker-1 (prod/moa-workers) has not answered Prometheus for 5 minutes",
    },
    quiet: {
      series: { 'up{job="prod/moa-workers",pod="worker-1"}': "1 0x3 1x9", 'up{job="node",pod="x"}': "0x9" },
      at: "7m",
      because: "it was restarted; the other one is not ours",
    },
  },
  {
    name: "MoaPodRestarts",
    severity: "ticket",
    board,
    expr: `changes(process_start_time_seconds[30m]) > 2 and ${OURS}`,
    summary: `${NAMED} was started ${COUNT} times within 30 minutes`,
    description:
      "It dies again and again. Exit code 1 is a start that failed, 70 something that broke, 137 a kill, mostly for memory.",
    fires: {
      series: {
        'process_start_time_seconds{pod="gateway-1"}': "1x5 300x5 600x5 900x20",
        'moa_build_info{pod="gateway-1",service="gateway"}': "1x40",
      },
      at: "25m",
      labels: { pod: "gateway-1" },
      says: "gateway-1 was started 3 times within 30 minutes",
    },
    quiet: {
      series: {
        'process_start_time_seconds{pod="gateway-1"}': "1x5 300x30",
        'moa_build_info{pod="gateway-1",service="gateway"}': "1x40",
      },
      at: "25m",
      because: "once",
    },
  },
  {
    name: "MoaEventLoopLag",
    severity: "ticket",
    board,
    expr: `nodejs_eventloop_lag_p99_seconds > ${LOOP} and ${OURS}`,
    for: "2m",
    summary: `The event loop of ${NAMED} stands still for {{ $value | humanizeDuration }} at times`,
    description: `A pod that stands for ${limits.lifeMs / 1_000} s is declared dead, and its own silence looks to it like that of its phones.`,
    fires: {
      series: {
        'nodejs_eventloop_lag_p99_seconds{pod="gateway-1"}': "1.5x9",
        'moa_build_info{pod="gateway-1",service="gateway"}': "1x9",
      },
      at: "5m",
      labels: { pod: "gateway-1" },
      says: "The event loop of gateway-1 stands still for 1.5s at times",
    },
    quiet: {
      series: {
        'nodejs_eventloop_lag_p99_seconds{pod="gateway-1"}': "0.1 1.5 0.1x9",
        'moa_build_info{pod="gateway-1",service="gateway"}': "1x9",
        'nodejs_eventloop_lag_p99_seconds{pod="somebody"}': "3x9",
      },
      at: "5m",
      because: "a moment; the other process is not ours",
    },
  },
  {
    name: "MoaHeapNearlyFull",
    severity: "ticket",
    board,
    expr: `max ${POD} (nodejs_heap_size_used_bytes) / max ${POD} (moa_heap_limit_bytes) > ${FULL}`,
    for: "10m",
    summary: `${NAMED} uses {{ $value | humanizePercentage }} of its heap`,
    description:
      "Beyond it the process dies, and its bots and lanes move. Before that it collects garbage all the time.",
    fires: {
      series: {
        'nodejs_heap_size_used_bytes{pod="gateway-1"}': "900x15",
        'moa_heap_limit_bytes{pod="gateway-1"}': "1000x15",
      },
      at: "12m",
      labels: { pod: "gateway-1" },
      says: "gateway-1 uses 90% of its heap",
    },
    quiet: {
      series: {
        'nodejs_heap_size_used_bytes{pod="gateway-1"}': "900x5 300x10",
        'moa_heap_limit_bytes{pod="gateway-1"}': "1000x15",
      },
      at: "12m",
      because: "garbage, until it was collected",
    },
  },
  {
    name: "MoaConnectionCeiling",
    severity: "ticket",
    board,
    expr: `sum ${POD} (moa_connections) / (max ${POD} (moa_connections_max) > 0) > ${FULL}`,
    for: "5m",
    summary: `${NAMED} has {{ $value | humanizePercentage }} of the connections that it may have`,
    description: "When it has them all it shuts its listener: phones are refused, back off and try again.",
    fires: {
      series: {
        'moa_connections{role="writer",pod="gateway-1"}': "6000x9",
        'moa_connections{role="standby",pod="gateway-1"}': "3000x9",
        'moa_connections_max{pod="gateway-1"}': "10000x9",
      },
      at: "7m",
      labels: { pod: "gateway-1" },
      says: "gateway-1 has 90% of the connections that it may have",
    },
    quiet: {
      series: {
        'moa_connections{role="writer",pod="gateway-1"}': "6000x9",
        'moa_connections_max{pod="gateway-1"}': "10000x9",
        'moa_connections{role="writer",pod="worker-1"}': "0x9",
        'moa_connections_max{pod="worker-1"}': "0x9",
      },
      at: "7m",
      because: "there is room, and workers have none",
    },
  },
  {
    name: "MoaListenerFull",
    severity: "page",
    board,
    expr: `max ${POD} (moa_listener_full) == 1`,
    for: "1m",
    summary: `${NAMED} takes no more connections`,
    description: "Phones that dial it are refused. If no other gateway has room, their rooms are silent.",
    fires: {
      series: { 'moa_listener_full{pod="gateway-1"}': "0 1x9" },
      at: "3m",
      labels: { pod: "gateway-1" },
      says: "gateway-1 takes no more connections",
    },
    quiet: { series: { 'moa_listener_full{pod="gateway-1"}': "0 1 0x9" }, at: "3m", because: "some have left" },
  },
  {
    name: "MoaBackpressure",
    severity: "ticket",
    board,
    expr: `sum ${POD} (moa_sockets_paused) > 0.05 * sum ${POD} (moa_connections)`,
    for: "5m",
    summary: `${NAMED} does not read ${COUNT} of its connections`,
    description:
      "Redis, a lane or the approvals do not keep up, or bots say more than their quota: phones keep what they have to say.",
    fires: {
      series: {
        'moa_sockets_paused{pod="gateway-1"}': "80x9",
        'moa_connections{role="writer",pod="gateway-1"}': "1000x9",
      },
      at: "7m",
      labels: { pod: "gateway-1" },
      says: "gateway-1 does not read 80 of its connections",
    },
    quiet: {
      series: {
        'moa_sockets_paused{pod="gateway-1"}': "20x9",
        'moa_connections{role="writer",pod="gateway-1"}': "1000x9",
      },
      at: "7m",
      because: "a few bots that say much",
    },
  },
  {
    name: "MoaDrainDeadline",
    severity: "ticket",
    board,
    expr: `sum ${POD} (increase(moa_gateway_drain_seconds_count{result="deadline"}[15m])) > 0`,
    summary: `The drain of ${NAMED} ran into its deadline`,
    description: `Within ${limits.drainMsMax / 1_000} s it did not hand over all bots. The rest were cut off and came back elsewhere; what was under way may be shown twice, marked.`,
    fires: {
      series: { 'moa_gateway_drain_seconds_count{result="deadline",pod="gateway-1"}': "0x3 1x9" },
      at: "5m",
      labels: { pod: "gateway-1" },
      says: "The drain of gateway-1 ran into its deadline",
    },
    quiet: {
      series: {
        'moa_gateway_drain_seconds_count{result="deadline",pod="gateway-1"}': "0x12",
        'moa_gateway_drain_seconds_count{result="complete",pod="gateway-1"}': "0x3 1x9",
      },
      at: "5m",
      because: "it came to its end",
    },
  },
  {
    name: "MoaHandoversFail",
    severity: "ticket",
    board,
    expr: `sum ${DEPLOYMENT} (increase(moa_writer_handovers_total{result="unproven"}[15m])) > 0.1 * sum ${DEPLOYMENT} (increase(moa_writer_handovers_total{result=~"ok|unproven"}[15m])) and sum ${DEPLOYMENT} (increase(moa_writer_handovers_total{result="unproven"}[15m])) > 2`,
    summary: `${COUNT} bots that were handed over by plan came to a connection that confirmed nothing`,
    description:
      "A drain or an operator gave them to a standby, and its reign ended before its phone had read anything. What was under way waits for the next one.",
    fires: {
      series: {
        'moa_writer_handovers_total{reason="drain",result="unproven"}': "0x3 10x9",
        'moa_writer_handovers_total{reason="drain",result="ok"}': "0x3 40x9",
      },
      at: "8m",
      says: "10 bots that were handed over by plan came to a connection that confirmed nothing",
    },
    quiet: {
      series: {
        'moa_writer_handovers_total{reason="drain",result="unproven"}': "0x3 10x9",
        'moa_writer_handovers_total{reason="drain",result="ok"}': "0x3 990x9",
        'moa_writer_handovers_total{reason="drain",result="no_candidate"}': "0x3 500x9",
      },
      at: "8m",
      because: "one in a hundred; that a phone alone comes back elsewhere is no failure",
    },
  },
  {
    name: "MoaVersionsMixed",
    severity: "ticket",
    board,
    expr: `count ${DEPLOYMENT} (count by (namespace, version) (moa_build_info == 1)) > 1`,
    for: "1h",
    summary: `${COUNT} versions of moa have run side by side for an hour`,
    description: "A rollout stands still, or somebody forgot a part of it.",
    fires: {
      every: "5m",
      series: {
        'moa_build_info{service="gateway",version="1.0.0",pod="a"}': "1x20",
        'moa_build_info{service="gateway",version="1.1.0",pod="b"}': "1x20",
      },
      at: "70m",
      says: "2 versions of moa have run side by side for an hour",
    },
    quiet: {
      every: "5m",
      series: {
        'moa_build_info{service="gateway",version="1.0.0",pod="a"}': "1x5 _x15",
        'moa_build_info{service="gateway",version="1.1.0",pod="b"}': "1x20",
        'moa_build_info{service="worker",version="1.1.0",pod="b"}': "0x20",
      },
      at: "70m",
      because: "the old one left after half an hour",
    },
  },
];
