/** Redis as the pods see it: away, refusing, badly set, full, slow, and what Redis forgot. */
import { limits } from "#common/contract/limits.ts";
import { type Alert, COUNT, DEPLOYMENT, le, NAMED, POD, RATE } from "./alert.ts";

const board = "moa-stores";
/** moa doctor calls it bad from there on. */
const SKEW = 1;
const MEMORY = 0.8;
const RING_SHORT = Math.ceil(limits.replayMs / 3_000);
/** 30 % of what a renewal finds when all is well. */
const LEFT = 0.75;

export const redisAlerts: readonly Alert[] = [
  {
    name: "MoaRedisAway",
    severity: "page",
    board,
    expr: `count ${DEPLOYMENT} (sum ${POD} (rate(moa_redis_answer_seconds_count[1m])) == 0)`,
    for: "30s",
    summary: `${COUNT} pods get no answer from Redis`,
    description:
      "They hold their sockets and wait: nothing is handled or shown, nothing is lost while gateways have memory. Do not restart them.",
    fires: {
      every: "15s",
      series: {
        'moa_redis_answer_seconds_count{pod="a"}': "0+7x8 56x12",
        'moa_redis_answer_seconds_count{pod="b"}': "0+7x20",
      },
      at: "4m",
      says: "1 pods get no answer from Redis",
    },
    quiet: {
      every: "15s",
      series: { 'moa_redis_answer_seconds_count{pod="a"}': "0+7x8 56x2 _ _ 70+7x8" },
      at: "4m",
      because: "it was away for half a minute, and two scrapes are missing",
    },
  },
  {
    name: "MoaRedisRefusesWrites",
    severity: "page",
    board,
    expr: `sum by (namespace, code) (rate(moa_redis_command_errors_total{code=~"MISCONF|OOM|NOREPLICAS|READONLY"}[2m])) > 0`,
    for: "1m",
    summary: `Redis refuses writes with {{ $labels.code }}, ${RATE} a second`,
    description:
      "It answers and takes nothing. Pods try again; gateways hold what they read, and stop reading when their memory for it is full.",
    fires: {
      series: { 'moa_redis_command_errors_total{code="NOREPLICAS"}': "0 0+60x9" },
      at: "6m",
      labels: { code: "NOREPLICAS" },
      says: "Redis refuses writes with NOREPLICAS, 1.0 a second",
    },
    quiet: {
      series: {
        'moa_redis_command_errors_total{code="READONLY"}': "0 40x9",
        'moa_redis_command_errors_total{code="timeout"}': "0+60x9",
      },
      at: "6m",
      because: "a master was replaced, once; timeouts are another matter",
    },
  },
  {
    name: "MoaRedisUnfit",
    severity: "page",
    board,
    expr: `max by (namespace, fault) (moa_redis_unfit_servers{fault=~"eviction|replicas"}) > 0`,
    for: "1m",
    summary: `${COUNT} Redis servers are set to lose what they acknowledged: {{ $labels.fault }}`,
    description:
      "eviction: when it is full it drops lanes and answers instead of refusing. replicas: a master that was replaced goes on taking writes, and all of them vanish. Pods that start now refuse to.",
    fires: {
      series: { 'moa_redis_unfit_servers{fault="eviction",pod="a"}': "0 1x5" },
      at: "4m",
      labels: { fault: "eviction" },
      says: "1 Redis servers are set to lose what they acknowledged: eviction",
    },
    quiet: {
      series: {
        'moa_redis_unfit_servers{fault="eviction"}': "0x5",
        'moa_redis_unfit_servers{fault="persistence"}': "1x5",
      },
      at: "4m",
      because: "no append-only file is a ticket",
    },
  },
  {
    name: "MoaRedisNotPersistent",
    severity: "ticket",
    board,
    expr: `max ${DEPLOYMENT} (moa_redis_unfit_servers{fault="persistence"}) > 0`,
    for: "10m",
    summary: `${COUNT} Redis servers keep no append-only file`,
    description: `When such a server restarts without a replica, all that pods did not append in the last ${limits.replayMs / 1_000} s is gone.`,
    fires: {
      series: { 'moa_redis_unfit_servers{fault="persistence"}': "1x15" },
      at: "12m",
      says: "1 Redis servers keep no append-only file",
    },
    quiet: {
      series: { 'moa_redis_unfit_servers{fault="persistence"}': "1x5 0x10" },
      at: "12m",
      because: "it does now",
    },
  },
  {
    name: "MoaRedisMemoryHigh",
    severity: "ticket",
    board,
    expr: `max ${DEPLOYMENT} (moa_redis_memory_used_ratio) > ${MEMORY}`,
    for: "10m",
    summary: "The fullest Redis server uses {{ $value | humanizePercentage }} of its memory",
    description: "When it is full it takes no more (noeviction): everything stops, with MoaRedisRefusesWrites and OOM.",
    fires: {
      series: { 'moa_redis_memory_used_ratio{pod="a"}': "0.85x15", 'moa_redis_memory_used_ratio{pod="b"}': "0.86x15" },
      at: "12m",
      says: "The fullest Redis server uses 86% of its memory",
    },
    quiet: { series: { moa_redis_memory_used_ratio: "0.75x15" }, at: "12m", because: "there is room" },
  },
  {
    name: "MoaRedisSlow",
    severity: "ticket",
    board,
    expr: `histogram_quantile(0.95, sum by (namespace, le) (rate(moa_redis_answer_seconds_bucket[10m]))) > 0.1`,
    for: "10m",
    summary: "One in twenty answers of Redis takes longer than {{ $value | humanizeDuration }}",
    description:
      "Each line takes three calls or more. A slow command of somebody else, a fork with too little memory, a full CPU or disk.",
    fires: {
      series: {
        'moa_redis_answer_seconds_bucket{le="0.1"}': "0+10x30",
        'moa_redis_answer_seconds_bucket{le="0.25"}': "0+20x30",
        'moa_redis_answer_seconds_bucket{le="+Inf"}': "0+20x30",
      },
      at: "25m",
      says: "One in twenty answers of Redis takes longer than 235ms",
    },
    quiet: {
      series: {
        'moa_redis_answer_seconds_bucket{le="0.1"}': "0+98x30",
        'moa_redis_answer_seconds_bucket{le="0.25"}': "0+100x30",
        'moa_redis_answer_seconds_bucket{le="+Inf"}': "0+100x30",
      },
      at: "25m",
      because: "two in a hundred are slow",
    },
  },
  {
    name: "MoaAcknowledgedEventsLost",
    severity: "page",
    board,
    expr: `sum ${DEPLOYMENT} (increase(moa_replay_beyond_ring_total[15m])) > 0`,
    summary: `${COUNT} lanes had lost more than their gateway could put back`,
    description: `Redis forgot what it had acknowledged, further back than the ${limits.replayMs / 1_000} s that gateways keep. Lines of people may be lost.`,
    fires: {
      series: { moa_replay_beyond_ring_total: "0x5 14x5" },
      at: "8m",
      says: "14 lanes had lost more than their gateway could put back",
    },
    quiet: {
      series: {
        moa_replay_beyond_ring_total: "0x15",
        'moa_replayed_total{what="event",result="restored"}': "0+100x15",
      },
      at: "8m",
      because: "all of it was put back",
    },
  },
  {
    name: "MoaReplayRunning",
    severity: "ticket",
    board,
    expr: `sum ${DEPLOYMENT} (increase(moa_replayed_total{result=~"restored|given_up"}[10m])) > 0`,
    summary: `Pods gave Redis ${COUNT} events and answers again that it had acknowledged and lost`,
    description:
      "A replica that lagged was promoted, or a server came back with older data. Nothing is to be done for the bots; find out why.",
    fires: {
      series: { 'moa_replayed_total{what="event",result="restored"}': "0x5 90x10" },
      at: "8m",
      says: "Pods gave Redis 90 events and answers again that it had acknowledged and lost",
    },
    quiet: {
      series: { 'moa_replayed_total{what="event",result="kept"}': "0x5 90x10" },
      at: "8m",
      because: "it had lost none of them",
    },
  },
  {
    name: "MoaReplayRingShort",
    severity: "ticket",
    board,
    expr: `max ${POD} (moa_replay_ring_short_seconds) > ${RING_SHORT}`,
    for: "5m",
    summary: `${NAMED} keeps {{ $value | humanizeDuration }} less of what Redis acknowledged than it should`,
    description: `It should reach back ${limits.replayMs / 1_000} s and is full earlier. If Redis fails over now, more is lost than need be.`,
    fires: {
      series: { 'moa_replay_ring_short_seconds{pod="gateway-1"}': "8x9" },
      at: "6m",
      labels: { pod: "gateway-1" },
      says: "gateway-1 keeps 8s less of what Redis acknowledged than it should",
    },
    quiet: {
      series: { 'moa_replay_ring_short_seconds{pod="gateway-1"}': "8x3 0x9" },
      at: "9m",
      because: "a burst",
    },
  },
  {
    name: "MoaLifeLost",
    severity: "ticket",
    board: "moa-writers",
    expr: `sum ${DEPLOYMENT} (increase(moa_life_lost_total[10m])) > 0`,
    summary: `${COUNT} times a running pod found that it had been declared dead`,
    description: `It did not renew its life within ${limits.lifeMs / 1_000} s: it stood still, or Redis did. Others took over its lanes and bots, and it started anew.`,
    fires: {
      series: { moa_life_lost_total: "0x5 9x10" },
      at: "8m",
      says: "9 times a running pod found that it had been declared dead",
    },
    quiet: { series: { moa_life_lost_total: "9x30" }, at: "20m", because: "it was long ago" },
  },
  {
    name: "MoaLifeNearlyLost",
    severity: "ticket",
    board: "moa-writers",
    expr: `sum ${DEPLOYMENT} (rate(moa_life_left_seconds_bucket{${le(LEFT)}}[10m])) / sum ${DEPLOYMENT} (rate(moa_life_left_seconds_count[10m])) > 0.01`,
    for: "10m",
    summary: "{{ $value | humanizePercentage }} of the pods' renewals of life came at the last moment",
    description: `Less than ${LEFT} s was left. A little worse, and pods are declared dead that live.`,
    fires: {
      series: { 'moa_life_left_seconds_bucket{le="0.75"}': "0+3x30", moa_life_left_seconds_count: "0+60x30" },
      at: "25m",
      says: "5% of the pods' renewals of life came at the last moment",
    },
    quiet: {
      series: { 'moa_life_left_seconds_bucket{le="0.75"}': "0+0.3x30", moa_life_left_seconds_count: "0+60x30" },
      at: "25m",
      because: "one in two hundred",
    },
  },
  {
    name: "MoaClockSkew",
    severity: "ticket",
    board,
    expr: `max ${POD} (abs(moa_clock_skew_seconds)) > ${SKEW}`,
    for: "5m",
    summary: `The clock of ${NAMED} is {{ $value | humanizeDuration }} from Redis'`,
    description: `Answers expire by these clocks. What a gateway says of the time is not believed beyond ${limits.clockSkewMsMax / 1_000} s.`,
    fires: {
      series: { 'moa_clock_skew_seconds{pod="worker-1"}': "-4x9" },
      at: "7m",
      labels: { pod: "worker-1" },
      says: "The clock of worker-1 is 4s from Redis'",
    },
    quiet: { series: { 'moa_clock_skew_seconds{pod="worker-1"}': "0.2x9" }, at: "7m", because: "that is nothing" },
  },
  {
    name: "MoaSubscribersDeaf",
    severity: "ticket",
    board,
    expr: `sum ${POD} (increase(moa_subscriber_restarts_total[30m])) > 3`,
    summary: `${NAMED} made its subscription anew ${COUNT} times within 30 minutes`,
    description: "It did not hear its own probe. Answers come a second or two late each time, by the stream.",
    fires: {
      series: { 'moa_subscriber_restarts_total{pod="gateway-1"}': "0+1x40" },
      at: "35m",
      labels: { pod: "gateway-1" },
      says: "gateway-1 made its subscription anew 30 times within 30 minutes",
    },
    quiet: { series: { 'moa_subscriber_restarts_total{pod="gateway-1"}': "0x5 2x40" }, at: "35m", because: "twice" },
  },
];
