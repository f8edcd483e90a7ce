/** Who writes: broken promises, zombies nobody finds, bots without a writer, failovers that are too many or too few. */
import { limits } from "#common/contract/limits.ts";
import { type Alert, COUNT, DEPLOYMENT, NAMED, POD, RATE } from "./alert.ts";

const board = "moa-writers";
/** Seconds after which a dead idle connection is found at the latest, and half as long again. */
const FOUND = (limits.pingIdleMsMax + limits.pongMsMax) / 1_000;
const STUCK = Math.ceil(1.5 * FOUND);
const LOOKED = Math.ceil((2 * limits.pingIdleMsMax) / 1_000);
const HELD = 900;

export const writerAlerts: readonly Alert[] = [
  {
    name: "MoaWriterSplitBrain",
    severity: "page",
    board,
    expr: `sum ${DEPLOYMENT} (increase(moa_fencing_violations_total[15m])) > 0`,
    summary: `${COUNT} tenures were given away while their pod held them, alive`,
    description:
      "Two connections may have written for one bot. This cannot happen while Redis keeps what it acknowledged.",
    fires: {
      series: { 'moa_fencing_violations_total{point="tenure",pod="a"}': "0x5 1x5" },
      at: "6m",
      says: "1 tenures were given away while their pod held them, alive",
    },
    quiet: {
      series: { 'moa_fencing_violations_total{point="tenure",pod="a"}': "1x30" },
      at: "30m",
      because: "it was long ago",
    },
  },
  {
    name: "MoaEpochRegression",
    severity: "page",
    board,
    expr: `sum ${DEPLOYMENT} (increase(moa_epoch_regressions_total[15m])) > 0`,
    summary: `${COUNT} tenures were given under an epoch that is not above one already seen`,
    description: "Fences compare epochs: with one that went back, an old writer may pass for the present one.",
    fires: {
      series: { moa_epoch_regressions_total: "0x5 2x5" },
      at: "6m",
      says: "2 tenures were given under an epoch that is not above one already seen",
    },
    quiet: { series: { moa_epoch_regressions_total: "2x30" }, at: "30m", because: "it was long ago" },
  },
  {
    name: "MoaZombieWriterStuck",
    severity: "page",
    board,
    expr: `max ${POD} (moa_zombie_connection_oldest_age_seconds{role="writer"}) > ${STUCK}`,
    for: "1m",
    summary: `A writer on ${NAMED} has been silent for {{ $value | humanizeDuration }} and still writes`,
    description: `A silent connection is judged within ${FOUND} s. This one is not: its bot's answers go into a dead line.`,
    fires: {
      series: { 'moa_zombie_connection_oldest_age_seconds{role="writer",pod="gateway-1"}': "2 40 100 160 220" },
      at: "3m",
      labels: { pod: "gateway-1" },
      says: "A writer on gateway-1 has been silent for 2m 40s and still writes",
    },
    quiet: {
      series: {
        'moa_zombie_connection_oldest_age_seconds{role="writer",pod="gateway-1"}': "2 19 2 40 2 19",
        'moa_zombie_connection_oldest_age_seconds{role="zombie",pod="gateway-1"}': "600x9",
      },
      at: "4m",
      because: "each silence ends, and the old one is known for a zombie",
    },
  },
  {
    name: "MoaWriterlessBots",
    severity: "page",
    board,
    expr: `sum ${DEPLOYMENT} (moa_writerless_bots) > 0 and sum ${DEPLOYMENT} (moa_writerless_bots) > 0.001 * sum ${DEPLOYMENT} (moa_registered_bots) and sum ${DEPLOYMENT} (moa_connections{role="standby"}) > 0`,
    for: "2m",
    summary: `${COUNT} bots have connections, and none of these writes`,
    description: "Somebody stands by and does not take over. A failover takes seconds; this has lasted for minutes.",
    fires: {
      series: {
        moa_writerless_bots: "0 0 3x9",
        moa_registered_bots: "1000x9",
        'moa_connections{role="standby"}': "5x9",
      },
      at: "5m",
      says: "3 bots have connections, and none of these writes",
    },
    quiet: {
      series: {
        moa_writerless_bots: "3x9",
        moa_registered_bots: "10000x9",
        'moa_connections{role="standby"}': "5x9",
      },
      at: "5m",
      because: "of ten thousand a few are always on their way from one connection to the next",
    },
  },
  {
    name: "MoaFailoverStorm",
    severity: "page",
    board,
    expr: `sum ${DEPLOYMENT} (rate(moa_writer_failovers_total[5m])) > 0.02 * sum ${DEPLOYMENT} (moa_connections{role="writer"}) / 60 and sum ${DEPLOYMENT} (increase(moa_writer_failovers_total[5m])) > 10`,
    for: "5m",
    summary: `${RATE} writers a second are replaced without a plan`,
    description:
      "More than 2 % of the writers a minute. So many phones do not die at once: look at the network, at Redis, at the pods.",
    fires: {
      series: {
        'moa_writer_failovers_total{reason="heartbeat_timeout",result="ok"}': "0+30x20",
        'moa_connections{role="writer"}': "1000x20",
      },
      at: "12m",
      says: "0.5 writers a second are replaced without a plan",
    },
    quiet: {
      series: {
        'moa_writer_failovers_total{reason="heartbeat_timeout",result="ok"}': "0+15x20",
        'moa_connections{role="writer"}': "1000x20",
      },
      at: "12m",
      because: "1.5 % a minute",
    },
  },
  {
    name: "MoaZombieDetectorStalled",
    severity: "page",
    board,
    expr: `time() - max ${POD} (moa_zombie_detector_last_sweep_timestamp_seconds) > ${LOOKED} and sum ${POD} (moa_connections{role=~"writer|standby"}) > 0`,
    for: "1m",
    summary: `${NAMED} has not looked at its connections for {{ $value | humanizeDuration }}`,
    description: `Each connection is looked at within ${limits.pingIdleMsMax / 1_000} s. While nobody looks, no zombie is found: that none is reported says nothing.`,
    fires: {
      series: {
        'moa_zombie_detector_last_sweep_timestamp_seconds{pod="gateway-1"}': "0 60x9",
        'moa_connections{role="writer",pod="gateway-1"}': "10x9",
      },
      at: "4m",
      labels: { pod: "gateway-1" },
      says: "gateway-1 has not looked at its connections for 3m 0s",
    },
    quiet: {
      series: {
        'moa_zombie_detector_last_sweep_timestamp_seconds{pod="gateway-1"}': "0x9",
        'moa_connections{role="writer",pod="gateway-1"}': "0x9",
        'moa_zombie_detector_last_sweep_timestamp_seconds{pod="gateway-2"}': "0+60x9",
        'moa_connections{role="writer",pod="gateway-2"}': "10x9",
      },
      at: "5m",
      because: "the one has nothing to look at, the other looks",
    },
  },
  {
    name: "MoaZombieFalsePositives",
    severity: "ticket",
    board,
    expr: `sum ${DEPLOYMENT} (increase(moa_zombie_false_positives_total[1h])) / sum ${DEPLOYMENT} (increase(moa_zombies_detected_total[1h])) > 0.1 and sum ${DEPLOYMENT} (increase(moa_zombies_detected_total[1h])) > 20`,
    for: "10m",
    summary: "{{ $value | humanizePercentage }} of the connections that were thought dead spoke again within 30 s",
    description:
      "Verdicts come too early for this network: writers move for nothing, and what was under way is shown twice, marked.",
    fires: {
      series: {
        'moa_zombie_false_positives_total{reason="barrier_timeout"}': "0+1x90",
        'moa_zombies_detected_total{reason="barrier_timeout"}': "0+4x90",
      },
      at: "80m",
      says: "25% of the connections that were thought dead spoke again within 30 s",
    },
    quiet: {
      series: {
        'moa_zombie_false_positives_total{reason="barrier_timeout"}': "0+0.1x90",
        'moa_zombies_detected_total{reason="barrier_timeout"}': "0+0.2x90",
      },
      at: "80m",
      because: "half of them, of a dozen",
    },
  },
  {
    name: "MoaWriterFlaps",
    severity: "ticket",
    board,
    expr: `sum ${DEPLOYMENT} (increase(moa_writer_flaps_total[30m])) > 10 and sum ${DEPLOYMENT} (increase(moa_writer_flaps_total[30m])) > 0.01 * sum ${DEPLOYMENT} (moa_registered_bots)`,
    for: "10m",
    summary: `${COUNT} writers within 30 minutes were replaced in their first minute`,
    description: "Two devices fight over a bot, or a line comes and goes. Answers come late each time.",
    fires: {
      series: { moa_writer_flaps_total: "0+1x60", moa_registered_bots: "100x60" },
      at: "50m",
      says: "30 writers within 30 minutes were replaced in their first minute",
    },
    quiet: {
      series: { moa_writer_flaps_total: "0+1x60", moa_registered_bots: "5000x60" },
      at: "50m",
      because: "few, of five thousand bots",
    },
  },
  {
    name: "MoaStandbysLost",
    severity: "ticket",
    board,
    expr: `sum ${DEPLOYMENT} (moa_connections{role="standby"}) < 0.5 * sum ${DEPLOYMENT} (moa_connections{role="standby"} offset 1d)`,
    for: "1h",
    summary: `Only ${COUNT} connections stand by, less than half of yesterday's`,
    description: "Their bots are answered now, and not after the next failover.",
    fires: {
      every: "30m",
      series: { 'moa_connections{role="standby"}': "100x47 30x9" },
      at: "26h",
      says: "Only 30 connections stand by, less than half of yesterday's",
    },
    quiet: {
      every: "30m",
      series: { 'moa_connections{role="standby"}': "100x47 60x9" },
      at: "26h",
      because: "most of them are there",
    },
  },
  {
    name: "MoaHeldActionsOld",
    severity: "ticket",
    board,
    expr: `max ${DEPLOYMENT} (moa_held_oldest_age_seconds) > ${HELD}`,
    summary: "The oldest action that waits for an operator's decision is {{ $value | humanizeDuration }} old",
    description: `It may have been shown before a failover and must not be shown twice: a person decides. Of one bot at most ${limits.heldPerBotMax} wait.`,
    fires: {
      series: { 'moa_held_oldest_age_seconds{pod="a"}': "960x5", 'moa_held_oldest_age_seconds{pod="b"}': "965x5" },
      at: "5m",
      says: "The oldest action that waits for an operator's decision is 16m 5s old",
    },
    quiet: { series: { moa_held_oldest_age_seconds: "800x5" }, at: "5m", because: "it is young" },
  },
];
