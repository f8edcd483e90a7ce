/** Zombie writers: who writes for each bot, how the dead are found and replaced, and what that left behind. */
import type { DashboardEntry, Query } from "./panel.ts";
import { countOf, each, maxOf, quantileOf, RECENT, rateOf, SHOWN, shareUpTo, sumOf } from "./series.ts";

type Timed = "zombieDetectionSeconds" | "writerPromotionSeconds" | "writerOutageSeconds";

/** A failover is rare: quantiles of some minutes, and nothing where there was none. */
function quantilesOf(key: Timed): readonly Query[] {
  return [0.5, 0.95, 0.99].map((q) => ({ expr: quantileOf(q, key, { window: RECENT }), legend: `p${q * 100}` }));
}

export const writers: DashboardEntry = {
  uid: "moa-writers",
  title: "moa / Zombie writers",
  says: "One connection writes for each bot. T0 last proof of life, T1 declared dead, T2 the next one has the tenure, T3 its first frame, T4 its first confirmation. Detect = T1-T0, promote = T2-T1, outage = T4-T0. The log event writer.failover has each bot's times, moa why BOT its state.",
  rows: [
    {
      title: "Now",
      panels: [
        {
          title: "Bots without a writer",
          says: "Good is 0; a failover shows for a moment. When it stays: moa why BOT. With standbys we failed, without one the bot waits for its phone.",
          kind: "tile",
          unit: "short",
          bounds: { warn: 1, bad: 10 },
          alerts: ["MoaWriterlessBots", "MoaWriterAvailabilityBudgetBurn"],
          queries: [{ expr: sumOf("writerlessBots"), legend: "bots" }],
        },
        {
          title: "Failovers under way",
          says: "Promoted and not yet confirmed (T2 to T4). Good: 0, or for as long as a bot has nothing to say.",
          kind: "tile",
          unit: "short",
          bounds: { warn: 10, bad: 100 },
          alerts: ["MoaFailoverStorm"],
          queries: [{ expr: sumOf("writerFailoversInProgress"), legend: "failovers" }],
        },
        {
          title: "Zombies found",
          says: "In the time shown. Good: as many as phones really died. Many at once are a network, Redis or our own pod, not phones.",
          kind: "tile",
          unit: "short",
          alerts: ["MoaFailoverStorm"],
          queries: [{ expr: countOf("zombiesDetected", SHOWN), legend: "zombies" }],
        },
        {
          title: "False verdicts",
          says: "The share of zombies that spoke again within 30 s. Good: below 10 %. Above it a phone's network pauses longer than we wait.",
          kind: "tile",
          unit: "percentunit",
          bounds: { warn: 0.05, bad: 0.1 },
          alerts: ["MoaZombieFalsePositives"],
          queries: [
            {
              expr: `${countOf("zombieFalsePositives", SHOWN)} / ${countOf("zombiesDetected", SHOWN)}`,
              legend: "of all verdicts",
            },
          ],
        },
        {
          title: "Two writers at once",
          says: "Good is 0. Stop the line: moa hold the bots concerned, keep both pods for evidence.",
          kind: "tile",
          unit: "short",
          bounds: { bad: 1 },
          alerts: ["MoaWriterSplitBrain"],
          queries: [{ expr: countOf("fencingViolations", SHOWN), legend: "violations" }],
        },
        {
          title: "Outages within 5 s",
          says: "The objective: 99 % of unplanned outages where somebody stood by. Nothing shown: there was none.",
          kind: "tile",
          unit: "percentunit",
          bounds: { warn: 1, bad: 0.99, isLess: true },
          alerts: ["MoaWriterOutageBudgetBurn"],
          queries: [{ expr: shareUpTo(5, "writerOutageSeconds", { window: SHOWN }), legend: "within 5 s" }],
        },
      ],
    },
    {
      title: "How fast:   last proof of life  ──T1-T0──>  declared  ──T2-T1──>  replaced  ──>  confirmed (T4)",
      panels: [
        {
          title: "Detect: T1-T0",
          says: "Good: below 5 s with traffic, below 20 s idle. Slower: the detector does not get round, or the pod's event loop stalls.",
          kind: "lines",
          unit: "s",
          width: 8,
          bounds: { warn: 5, bad: 20 },
          alerts: ["MoaZombieWriterStuck"],
          queries: quantilesOf("zombieDetectionSeconds"),
        },
        {
          title: "Promote: T2-T1",
          says: "Good: below 0.5 s. Slower: Redis answers late, or the pod that stood by does.",
          kind: "lines",
          unit: "s",
          width: 8,
          bounds: { warn: 0.5, bad: 2.5 },
          alerts: ["MoaWriterOutageBudgetBurn"],
          queries: quantilesOf("writerPromotionSeconds"),
        },
        {
          title: "Outage: T4-T0",
          says: "What a bot's rooms feel. Good: p99 below 5 s. The two panels before say whether finding or replacing took the time.",
          kind: "lines",
          unit: "s",
          width: 8,
          bounds: { warn: 5, bad: 6 },
          alerts: ["MoaWriterOutageBudgetBurn"],
          queries: quantilesOf("writerOutageSeconds"),
        },
      ],
    },
    {
      title: "Why, and by whom",
      panels: [
        {
          title: "Zombies by evidence",
          says: "barrier_timeout: wrote and was not read; heartbeat_timeout: idle and silent; write_stalled: its socket takes nothing. One cause in one zone is a network.",
          kind: "bars",
          unit: "short",
          queries: [{ expr: countOf("zombiesDetected", "$__rate_interval", { by: "reason" }), legend: "{{reason}}" }],
        },
        {
          title: "Unplanned failovers by reason",
          says: "pod_gone and lease_lost are pods of ours, loop_stalled our own event loop: look at that pod first, before phones.",
          kind: "bars",
          unit: "short",
          alerts: ["MoaFailoverStorm"],
          queries: [{ expr: countOf("writerFailovers", "$__rate_interval", { by: "reason" }), legend: "{{reason}}" }],
        },
        {
          title: "Failovers by result",
          says: "Good: ok. no_candidate: nobody stood by, the bot waited for a phone. unproven: the next writer ended before anything was confirmed.",
          kind: "bars",
          unit: "short",
          queries: [{ expr: countOf("writerFailovers", "$__rate_interval", { by: "result" }), legend: "{{result}}" }],
        },
        {
          title: "Planned handovers",
          says: "By drain or operator. Good: ok. They cost a bot milliseconds; see Deploy and drain.",
          kind: "bars",
          unit: "short",
          queries: [
            { expr: countOf("writerHandovers", "$__rate_interval", { by: "reason" }), legend: "{{reason}}" },
            {
              expr: countOf("writerHandovers", "$__rate_interval", { where: { result: "unproven" } }),
              legend: "unproven",
            },
          ],
        },
        {
          title: "Connections that stood by",
          says: "Living connections of the bot on the pod that took over. Good: p50 of 1 and more; at 0 bots have no second phone there.",
          kind: "lines",
          unit: "short",
          alerts: ["MoaStandbysLost"],
          queries: [0.05, 0.5].map((q) => ({
            expr: quantileOf(q, "standbyCandidates", { window: RECENT }),
            legend: `p${q * 100}`,
          })),
        },
        {
          title: "Flaps",
          says: "Good: none. A flap is a writer replaced within 60 s of its beginning: two devices duel, or a network comes and goes.",
          kind: "lines",
          unit: "short",
          alerts: ["MoaWriterFlaps"],
          queries: [{ expr: countOf("writerFlaps", RECENT), legend: "flaps in 10 min" }],
        },
        {
          title: "Age of tenures at their end",
          says: "Good: hours. A p50 of minutes means that bots change their writer again and again.",
          kind: "lines",
          unit: "s",
          queries: [0.05, 0.5].map((q) => ({
            expr: quantileOf(q, "tenureAgeSeconds", { window: RECENT }),
            legend: `p${q * 100}`,
          })),
        },
      ],
    },
    {
      title: "The guard:   who has no right any more is refused",
      panels: [
        {
          title: "Refused by fencing",
          says: "The guard at work: a paused pod woke and was refused. Good: none but at takeovers and restarts.",
          kind: "bars",
          unit: "short",
          queries: [{ expr: countOf("fencingRejections", "$__rate_interval", { by: "point" }), legend: "{{point}}" }],
        },
        {
          title: "Broken: violations and regressions",
          says: "Good: 0, always. Either means that Redis forgot a tenure or that two pods believed in the same one.",
          kind: "bars",
          unit: "short",
          bounds: { bad: 1 },
          alerts: ["MoaEpochRegression"],
          queries: [
            { expr: countOf("fencingViolations", "$__rate_interval", { by: "point" }), legend: "violation: {{point}}" },
            { expr: countOf("epochRegressions", "$__rate_interval"), legend: "epoch regression" },
          ],
        },
        {
          title: "Last look for evidence",
          says: "How long ago a gateway looked at a connection last. Good: below 15 s wherever there are connections: silence of the detector is not health.",
          kind: "lines",
          unit: "s",
          bounds: { warn: 15, bad: 30 },
          alerts: ["MoaZombieDetectorStalled"],
          queries: [{ expr: `time() - (${each("zombieDetectorAt")} > 0)`, legend: "{{pod}}" }],
        },
        {
          title: "Silent longest",
          says: "The open connection that is silent longest, by role. Good: writers and standbys below 20 s, in which a dead one is found; zombies may be older.",
          kind: "lines",
          unit: "s",
          bounds: { warn: 20, bad: 29 },
          alerts: ["MoaZombieWriterStuck"],
          queries: [{ expr: maxOf("zombieOldestSeconds", { by: "role" }), legend: "{{role}}" }],
        },
        {
          title: "Life left at its renewal",
          says: "Of 2.5 s. Good: p1 above 1 s. Near 0 the pod is about to be taken for dead by the others: its event loop or Redis is slow.",
          kind: "lines",
          unit: "s",
          bounds: { warn: 1, bad: 0.75, isLess: true },
          alerts: ["MoaLifeNearlyLost"],
          queries: [
            { expr: quantileOf(0.01, "lifeLeftSeconds", { window: RECENT }), legend: "p1" },
            { expr: quantileOf(0.5, "lifeLeftSeconds", { window: RECENT }), legend: "p50" },
          ],
        },
        {
          title: "Lives lost",
          says: "Pods that found their life key gone: they begin no write until they have taken each tenure anew. Good: none.",
          kind: "bars",
          unit: "short",
          alerts: ["MoaLifeLost"],
          queries: [
            { expr: countOf("lifeLost", "$__rate_interval", { by: "pod" }), legend: "lost: {{pod}}" },
            { expr: countOf("lifeErrors", "$__rate_interval", { by: "pod" }), legend: "not answered: {{pod}}" },
          ],
        },
      ],
    },
    {
      title: "What it left behind",
      panels: [
        {
          title: "In doubt, by what was done",
          says: "Written by the former writer and not confirmed. resend: shown again and marked; drop: chatter; hold: an operator decides.",
          kind: "bars",
          unit: "short",
          queries: [{ expr: countOf("ambiguousActions", "$__rate_interval", { by: "class" }), legend: "{{class}}" }],
        },
        {
          title: "In doubt per failover",
          says: "Actions that the next writer found unconfirmed. Good: 16 at most, by design; more is a fault of ours.",
          kind: "lines",
          unit: "short",
          bounds: { bad: 16 },
          queries: [0.5, 0.99].map((q) => ({
            expr: quantileOf(q, "failoverInflight", { window: RECENT }),
            legend: `p${q * 100}`,
          })),
        },
        {
          title: "Held actions",
          says: "They wait for moa held resend or discard. Good: 0; each is somebody's money.",
          kind: "lines",
          unit: "short",
          bounds: { bad: 1 },
          alerts: ["MoaHeldActionsOld"],
          queries: [{ expr: maxOf("heldActions"), legend: "actions" }],
        },
        {
          title: "Oldest held action",
          says: "Good: below a quarter of an hour. Whoever waits has paid, or not: moa held BOT list, then decide.",
          kind: "lines",
          unit: "s",
          bounds: { warn: 300, bad: 900 },
          alerts: ["MoaHeldActionsOld"],
          queries: [{ expr: maxOf("heldOldestSeconds"), legend: "age" }],
        },
        {
          title: "Put back after Redis forgot",
          says: "restored: it was gone; kept: it was there; given_up: too old for anybody. Good: none, and after a loss no given_up.",
          kind: "bars",
          unit: "short",
          queries: [{ expr: countOf("replayed", "$__rate_interval", { by: "result" }), legend: "{{result}}" }],
        },
        {
          title: "Rings too short",
          says: "By how much the ring of what Redis acknowledged reaches back less than 15 s. Good: 0; more means more bytes a second than a pod may keep: add gateways.",
          kind: "lines",
          unit: "s",
          bounds: { bad: 1 },
          alerts: ["MoaAcknowledgedEventsLost"],
          queries: [{ expr: maxOf("replayRingShortSeconds", { by: "pod" }), legend: "{{pod}}" }],
        },
      ],
    },
    {
      title: "Phones",
      panels: [
        {
          title: "Bots, and who stands by",
          says: "Good: as many standbys as bots have second phones. Bots with connections on two gateways count on both.",
          kind: "lines",
          unit: "short",
          alerts: ["MoaStandbysLost"],
          queries: [
            { expr: sumOf("registeredBots"), legend: "bots" },
            { expr: sumOf("connections", { where: { role: "writer" } }), legend: "writers" },
            { expr: sumOf("connections", { where: { role: "standby" } }), legend: "standbys" },
          ],
        },
        {
          title: "Phones by what they prove",
          says: "unconfirmed: they echo no ping, so that nothing written to them is ever proven read. Good: few; update their script.",
          kind: "lines",
          unit: "short",
          queries: [{ expr: sumOf("phones", { by: "class" }), legend: "{{class}}" }],
        },
        {
          title: "How zombies ended",
          says: "fin: the peer closed after all; rst: we reset it; already_gone: it was broken.",
          kind: "bars",
          unit: "cps",
          queries: [{ expr: rateOf("zombiesReaped", { by: "result" }), legend: "{{result}}" }],
        },
      ],
    },
  ],
};
