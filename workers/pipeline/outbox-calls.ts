/**
 * One outbox call per tag of the backends' reach at a time; decisions made meanwhile, of whatever lanes, share the next
 * one. What the outbox has taken stays in a ring for a while: on a loss of the tag it is offered again, in its order and
 * before new ones (ADR 0010). The outbox knows by the event's id what it still has.
 *
 * Offered again under its old lane epoch, and where a newer owner is known already, under that one's: the outbox took the
 * decision under its fence, so it stands whoever owns the lane now, and a re-run would decide the same.
 */
import { withField } from "#common/contract/codec.ts";
import type { BotName, Lane } from "#common/contract/ids.ts";
import { limits } from "#common/contract/limits.ts";
import type { Clock } from "#common/kernel/clock.ts";
import { Due } from "#common/kernel/due.ts";
import { Gather } from "#common/kernel/gather.ts";
import type { Random } from "#common/kernel/random.ts";
import { Ring } from "#common/kernel/ring.ts";
import type { Log } from "#common/observe/logger.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import type { LaneReader } from "#common/ports/lane-log.ts";
import type { EnqueueOutcome, OutboxDecision, OutboxWriter } from "#common/ports/outbox.ts";

export interface OutboxCallsOptions {
  readonly outbox: OutboxWriter;
  readonly lanes: Pick<LaneReader, "owners">;
  readonly tags: number;
  readonly tagOf: (bot: BotName) => number;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Metrics;
  readonly log: Log;
}

interface Tag {
  readonly gather: Gather<OutboxDecision, EnqueueOutcome>;
  readonly ring: Ring<readonly OutboxDecision[]>;
  readonly replay: Due;
}

export class OutboxCalls {
  readonly #options: OutboxCallsOptions;
  readonly #tags: readonly Tag[];

  constructor(options: OutboxCallsOptions) {
    this.#options = options;
    const short = new Array<number>(options.tags).fill(0);
    this.#tags = short.map((_, tag) =>
      this.#open((ms) => {
        short[tag] = ms;
        options.metrics.replayRingShortSeconds.set(Math.max(...short) / 1_000);
      }),
    );
  }

  enqueue(decision: OutboxDecision): Promise<EnqueueOutcome> {
    const bytes = decision.actions.reduce((sum, action) => sum + action.length, 64);
    return (this.#tags[this.#options.tagOf(decision.bot)] as Tag).gather.add(decision, bytes);
  }

  /** Redis may have lost what it acknowledged in these tags. Resolves when it was offered again. */
  async lost(tags: readonly number[]): Promise<void> {
    await Promise.all(tags.map((tag) => this.#tags[tag]?.replay.ask()));
  }

  close(): void {
    for (const { gather, replay } of this.#tags) {
      gather.close();
      replay.close();
    }
  }

  #open(onShort: (ms: number) => void): Tag {
    const { clock, random, log, metrics, tags } = this.#options;
    const bytesMax = limits.replayDecisionsBytesMax / tags;
    const ring = new Ring<readonly OutboxDecision[]>({ clock, keptMs: limits.replayMs, bytesMax, onShort });
    const replay = new Due({
      clock,
      random,
      work: () => this.#offerAgain(ring),
      onFailed: (error, failures) => {
        if (failures === 1) log.warn({ tag: "OUTBOX", err: error }, "an outbox's replay is tried again");
      },
    });
    const gather = new Gather<OutboxDecision, EnqueueOutcome>({
      itemsMax: limits.decisionsPerCallMax,
      bytesMax: limits.commitBytesMax,
      clock,
      random,
      send: async (decisions) => {
        if (replay.running !== null) await replay.running;
        const sentMs = clock.monotonicMs();
        const outcomes = await this.#options.outbox.enqueue(decisions);
        metrics.outboxEnqueueSeconds.observe((clock.monotonicMs() - sentMs) / 1_000);
        keep(ring, decisions, outcomes);
        return outcomes;
      },
    });
    return { gather, ring, replay };
  }

  async #offerAgain(ring: Tag["ring"]): Promise<void> {
    const { outbox, metrics, log } = this.#options;
    const restored = new Set<readonly OutboxDecision[]>();
    const counts = { restored: 0, kept: 0, given_up: 0 };
    const fenced: OutboxDecision[] = [];
    for (const decisions of ring.recent(limits.actionMsMax)) {
      const outcomes = await outbox.enqueue(decisions.map(toldAgain));
      for (const [i, outcome] of outcomes.entries()) {
        if (outcome === "fenced") fenced.push(decisions[i] as OutboxDecision);
        else counts[RESULTS[outcome]]++;
      }
      if (outcomes.includes("accepted")) restored.add(decisions);
    }
    for (const outcome of await this.#offerAsOwned(fenced)) counts[RESULTS[outcome]]++;
    ring.renew(restored);
    for (const [result, count] of Object.entries(counts)) {
      metrics.replayed.inc(count, { what: "decision", result: result as keyof typeof counts });
    }
    if (counts.restored > 0) log.warn({ tag: "OUTBOX", ...counts }, "Redis had lost decisions that it acknowledged");
  }

  async #offerAsOwned(decisions: readonly OutboxDecision[]): Promise<readonly EnqueueOutcome[]> {
    if (decisions.length === 0) return [];
    const { outbox, lanes } = this.#options;
    const epochs = new Map<Lane, number>((await lanes.owners()).map(({ lane, epoch }) => [lane, epoch]));
    const outcomes: EnqueueOutcome[] = [];
    for (let from = 0; from < decisions.length; from += limits.decisionsPerCallMax) {
      const some = decisions.slice(from, from + limits.decisionsPerCallMax).map(toldAgain);
      const owned = some.map((decision) => ({ ...decision, epoch: epochs.get(decision.lane) ?? decision.epoch }));
      outcomes.push(...(await outbox.enqueue(owned)));
    }
    return outcomes;
  }
}

const RESULTS = { accepted: "restored", duplicate: "kept", expired: "given_up", fenced: "given_up" } as const;

/** Whoever shows it now may not be who showed it before. */
function toldAgain(decision: OutboxDecision): OutboxDecision {
  return { ...decision, actions: decision.actions.map((action) => withField(action, "again", true)) };
}

/** What was refused is not to be offered again. */
function keep(ring: Tag["ring"], decisions: readonly OutboxDecision[], outcomes: readonly EnqueueOutcome[]): void {
  const isTaken = (_: OutboxDecision, i: number) => outcomes[i] === "accepted" || outcomes[i] === "duplicate";
  const taken = decisions.every(isTaken) ? decisions : decisions.filter(isTaken);
  if (taken.length > 0)
    ring.put(
      taken,
      taken.reduce((sum, decision) => sum + bytesOf(decision), 0),
    );
}

/** Two bytes for each UTF-16 unit, and what else a decision in a ring costs. */
function bytesOf({ actions }: OutboxDecision): number {
  return actions.reduce((sum, action) => sum + 2 * action.length, 256);
}
