/**
 * Not bounded by a key's life: the meta of a bot, some hundred bytes, is kept when the bot is idle, because its
 * generation and the highest epochs it has seen are what tells a late worker and a late confirmation apart.
 */
import type { BotName } from "#common/contract/ids.ts";
import type { Keys } from "#common/contract/keys.ts";
import { type Topology, tagOf } from "#common/contract/lanes.ts";
import { limits } from "#common/contract/limits.ts";
import { assert } from "#common/kernel/assert.ts";
import type { Clock } from "#common/kernel/clock.ts";
import type { Random } from "#common/kernel/random.ts";
import type { Log } from "#common/observe/logger.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import type { EnqueueOutcome, OutboxDecision, OutboxWriter } from "#common/ports/outbox.ts";
import type { Argument, Connection } from "./connection.ts";
import type { Scripts } from "./scripts.ts";

const OUTCOMES: readonly (EnqueueOutcome | undefined)[] = [undefined, "accepted", "duplicate", "expired", "fenced"];

export interface OutboxWriterOptions {
  readonly commands: Connection;
  readonly scripts: Scripts;
  readonly keys: Keys;
  readonly topology: Topology;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Metrics;
  readonly log: Log;
}

export class RedisOutboxWriter implements OutboxWriter {
  readonly #options: OutboxWriterOptions;
  #complainedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: OutboxWriterOptions) {
    this.#options = options;
  }

  async enqueue(decisions: readonly OutboxDecision[]): Promise<readonly EnqueueOutcome[]> {
    const { commands, scripts, keys, topology, random } = this.#options;
    const first = decisions[0];
    if (!first) return [];
    assert(decisions.length <= limits.decisionsPerCallMax, "an outbox call has at most decisionsPerCallMax decisions");

    const tag = tagOf(topology, first.bot);
    const bots = [...new Set(decisions.map((decision) => decision.bot))];
    assert(
      bots.every((bot) => tagOf(topology, bot) === tag),
      "an outbox call is of one tag",
    );
    const indexOf = new Map<BotName, number>(bots.map((bot, i) => [bot, i + 1]));
    const names = [
      ...bots.flatMap((bot) => [keys.outboxMeta(bot), keys.outbox(bot), keys.channel(bot)]),
      ...decisions.map(({ bot, deadline }) => keys.outboxIds(bot, Math.floor(deadline / 60_000))),
    ];
    const args: Argument[] = [
      limits.dedupeBeyondDeadlineMs,
      keys.dirty(tag, ""),
      limits.dirtyMarksMs,
      limits.outboxActionsMax,
    ];
    // Each bot with its first decision's lane. A generation only has to differ from the bot's own earlier ones.
    const fresh = random.hex(6);
    const laneOf = new Map(decisions.toReversed().map(({ bot, lane }) => [bot, lane]));
    args.push(bots.length, ...bots.flatMap((bot) => [bot, fresh, laneOf.get(bot) as number]));
    for (const { bot, lane, epoch, event, deadline, actions } of decisions) {
      args.push(indexOf.get(bot) as number, lane, epoch, event, deadline, actions.length, ...actions);
    }

    const codes = (await commands.run(scripts["outbox-enqueue"], names, args)) as number[];
    const [dropped = 0, unattended = 0] = codes.splice(-2);
    this.#complain("dropped", dropped);
    this.#complain("unattended", unattended);
    return codes.map((code) => OUTCOMES[code] as EnqueueOutcome);
  }

  /** Counted each time, told once a minute: the bots of a fleet that is offline are many. */
  #complain(what: "dropped" | "unattended", actions: number): void {
    const { clock, log, metrics } = this.#options;
    if (actions === 0) return;
    metrics.actionsWithoutWriter.inc(actions, { what });
    if (clock.monotonicMs() - this.#complainedAtMs < limits.warnAgainMs) return;
    this.#complainedAtMs = clock.monotonicMs();
    log.warn({ tag: "OUTBOX", what, actions }, "answers for bots without a connection: they wait until their deadline");
  }
}
