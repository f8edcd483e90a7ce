/**
 * The clock of one failover, kept by the pod that took over:
 *
 *   T0 ───────────> T1 ─────────────> T2 ─────────────> T3 ──────────────> T4
 *   last proof      given up          tenure taken      first frame        first confirmation
 *      └── from how the former reign ended ──┘              └── of the new reign, if there is something to write
 *
 * After a pod's death nobody said T0 and T1: T1 is when it was found dead here, T0 the earliest at which its life key can
 * have been renewed last. Where nobody stood by, the bot waited for a phone and not for us: no time is observed.
 *
 * Not promised: T3 and T4 where nothing is written within `failoverMsMax`.
 */
import { type Evidence, isPlanned } from "#common/contract/evidence.ts";
import type { BotName, ConnectionId } from "#common/contract/ids.ts";
import { limits } from "#common/contract/limits.ts";
import type { Log } from "#common/observe/logger.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import { SPAN_KEYS } from "#common/observe/span-catalogue.ts";
import { traceIdsOf, traceOfTenure } from "#common/observe/traceparent.ts";
import type { TraceSpan, Tracing } from "#common/observe/tracing.ts";
import type { FailoverResult } from "#common/observe/writer-metrics.ts";
import type { Taken, Tenure } from "#common/ports/writer-directory.ts";
import type { Here } from "./tenure.ts";

const FLAP_MS = 60_000;

/** Times are epoch ms. */
export interface Succession {
  readonly bot: BotName;
  readonly connection: ConnectionId;
  readonly reason: Evidence;
  readonly fromEpoch: number;
  readonly toEpoch: number;
  readonly provenAt: number;
  readonly declaredAt: number;
  readonly takenAt: number;
  /** The connection that took over was there when the former was given up. */
  readonly stoodBy: boolean;
  readonly inDoubt: number;
  readonly waiting: number;
  /** Living connections on this pod. */
  readonly candidates: number;
}

/** What the taker knows when its take is answered. */
export interface Accession {
  readonly bot: BotName;
  readonly taken: Taken;
  readonly heir: Here;
  readonly over: Tenure | null;
  /** When the take was first sent. */
  readonly begunAt: number;
  readonly takenAt: number;
  readonly candidates: number;
}

/** null when nobody was succeeded: the bot's first writer, or the same connection under a tenure taken again. */
export function successionOf({ taken, heir, over, begunAt, ...rest }: Accession): Succession | null {
  const { former, epoch, first, next, doubtBelow } = taken;
  const diedSilent = former === null && over !== null;
  if ((former === null && !diedSilent) || over?.connection === heir.id) return null;
  const end = former ?? {
    reason: "pod_gone" as const,
    epoch: over?.epoch ?? 0,
    provenAt: begunAt - limits.lifeMs,
    declaredAt: begunAt,
  };
  return {
    ...rest,
    connection: heir.id,
    reason: end.reason,
    fromEpoch: end.epoch,
    toEpoch: epoch,
    provenAt: end.provenAt,
    declaredAt: end.declaredAt,
    stoodBy: heir.since <= end.declaredAt,
    inDoubt: doubtBelow - first,
    waiting: next - first,
  };
}

export interface FailoversOptions {
  readonly metrics: Metrics;
  readonly log: Log;
  readonly tracing: Pick<Tracing, "root">;
}

export class Failovers {
  readonly #options: FailoversOptions;
  readonly #open = new Set<Failover>();

  constructor(options: FailoversOptions) {
    this.#options = options;
  }

  begin(succession: Succession): Failover {
    const { metrics } = this.#options;
    const { reason, stoodBy, declaredAt, takenAt, inDoubt, candidates, fromEpoch, toEpoch } = succession;
    metrics.writerFailoversInProgress.inc(1);
    metrics.failoverInflight.observe(inDoubt);
    metrics.standbyCandidates.observe(candidates);
    if (stoodBy) metrics.writerPromotionSeconds.observe(Math.max(0, takenAt - declaredAt) / 1_000, { reason });
    // An epoch is at least the time at which it was given.
    if (!isPlanned(reason) && toEpoch - fromEpoch < FLAP_MS) metrics.writerFlaps.inc(1);
    const failover = new Failover(this.#options, succession, () => this.#open.delete(failover));
    this.#open.add(failover);
    return failover;
  }

  /** Closes those that had nothing to write for too long. */
  sweep(nowMs: number): void {
    for (const failover of this.#open) {
      if (nowMs - failover.takenAt >= limits.failoverMsMax) failover.close("ok");
    }
  }
}

export class Failover {
  readonly #options: FailoversOptions;
  readonly #succession: Succession;
  readonly #onClosed: () => void;
  #wroteAt: number | null = null;
  #confirmedAt: number | null = null;
  #isClosed = false;

  constructor(options: FailoversOptions, succession: Succession, onClosed: () => void) {
    this.#options = options;
    this.#succession = succession;
    this.#onClosed = onClosed;
  }

  get takenAt(): number {
    return this.#succession.takenAt;
  }

  wrote(at: number): void {
    this.#wroteAt ??= at;
  }

  confirmed(at: number): void {
    if (this.#isClosed) return;
    this.#confirmedAt = at;
    this.close("ok");
  }

  /** `unproven`: the reign ended before anything was confirmed. */
  close(ending: "ok" | "unproven"): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#onClosed();
    const { metrics } = this.#options;
    const { reason, stoodBy, provenAt, waiting } = this.#succession;
    const result: FailoverResult = stoodBy ? ending : "no_candidate";
    metrics.writerFailoversInProgress.inc(-1);
    if (isPlanned(reason)) metrics.writerHandovers.inc(1, { reason, result });
    else metrics.writerFailovers.inc(1, { reason, result });
    const confirmedAt = this.#confirmedAt;
    if (stoodBy && confirmedAt !== null && waiting > 0) {
      metrics.writerOutageSeconds.observe(Math.max(0, confirmedAt - provenAt) / 1_000, { reason });
    }
    this.#tell(result);
  }

  #tell(result: FailoverResult): void {
    const { log } = this.#options;
    const { bot, connection, reason, fromEpoch, toEpoch, inDoubt, waiting, candidates, ...times } = this.#succession;
    const { provenAt: t0, declaredAt: t1, takenAt: t2 } = times;
    const [t3, t4] = [this.#wroteAt, this.#confirmedAt];
    const epochs = { fromEpoch, toEpoch };
    const span = this.#begin();
    log.info(
      {
        ...{ bot, connection, ...epochs, reason, result, t0, t1, t2, t3, t4, inDoubt, waiting, candidates },
        ...traceIdsOf(span?.trace),
      },
      "writer.failover",
    );
    for (const [name, at] of Object.entries({ T0: t0, T1: t1, T2: t2, T3: t3, T4: t4 })) {
      if (at !== null) span?.event(name, at);
    }
    span?.end(t4 ?? t3 ?? t2, { [SPAN_KEYS.outcome]: result });
  }

  /** Whatever the share of lines that is sampled. */
  #begin(): TraceSpan | undefined {
    const { bot, reason, fromEpoch, toEpoch, provenAt } = this.#succession;
    return this.#options.tracing.root("failover", {
      at: provenAt,
      attributes: { [SPAN_KEYS.reason]: reason, [SPAN_KEYS.fromEpoch]: fromEpoch, [SPAN_KEYS.epoch]: toEpoch },
      links: [traceOfTenure(bot, fromEpoch), traceOfTenure(bot, toEpoch)],
    });
  }
}
