/**
 * Not bounded by a key's life: the meta of a bot, some hundred bytes, is kept when the bot is idle, because its
 * generation and the highest epochs it has seen are what tells a late worker and a late confirmation apart.
 */
import type { BotName, EventId, Lane } from "#common/contract/ids.ts";
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

/** A decision more or less: who reads from the middle of an entry gets all of it. */
const ACTIONS_PER_ENTRY = 64;
const OUTCOMES: readonly (EnqueueOutcome | undefined)[] = [undefined, "accepted", "duplicate", "expired", "fenced"];

export interface OutboxWriterOptions {
  readonly commands: Connection;
  readonly scripts: Scripts;
  readonly keys: Keys;
  readonly topology: Topology;
  readonly reach: Topology;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Metrics;
  readonly log: Log;
}

export class RedisOutboxWriter implements OutboxWriter {
  readonly #options: OutboxWriterOptions;
  #salt: string | undefined;
  #calls = 0;
  #complainedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: OutboxWriterOptions) {
    this.#options = options;
  }

  async enqueue(decisions: readonly OutboxDecision[]): Promise<readonly EnqueueOutcome[]> {
    const { commands, scripts, reach } = this.#options;
    const first = decisions[0];
    if (!first) return [];
    assert(decisions.length <= limits.decisionsPerCallMax, "an outbox call has at most decisionsPerCallMax decisions");
    const tag = tagOf(reach, first.bot);
    const bots = runsOf(decisions);
    for (const bot of bots.keys()) assert(tagOf(reach, bot) === tag, "an outbox call is of one reach");

    const args = this.#argumentsOf(bots);
    const codes = (await commands.run(scripts["outbox-enqueue"], this.#keysOf(bots), args)) as number[];
    const [dropped = 0, unattended = 0] = codes.splice(-2);
    this.#complain("dropped", dropped);
    this.#complain("unattended", unattended);
    const outcomes: EnqueueOutcome[] = [];
    let next = 0;
    for (const runs of bots.values()) {
      for (const { places } of runs)
        for (const place of places) outcomes[place] = OUTCOMES[codes[next++] as number] as EnqueueOutcome;
    }
    return outcomes;
  }

  #keysOf(bots: ReadonlyMap<BotName, readonly Run[]>): readonly string[] {
    const { keys } = this.#options;
    const names: string[] = [];
    for (const bot of bots.keys()) names.push(keys.outboxMeta(bot), keys.outbox(bot), keys.channel(bot));
    for (const [bot, runs] of bots) for (const { minute } of runs) names.push(keys.outboxIds(bot, minute));
    return names;
  }

  /** In the order that outbox-enqueue-n.lua documents. */
  #argumentsOf(bots: ReadonlyMap<BotName, readonly Run[]>): readonly Argument[] {
    const { keys, topology } = this.#options;
    const args: Argument[] = [
      limits.dedupeBeyondDeadlineMs,
      limits.dirtyMarksMs,
      limits.outboxActionsMax,
      this.#generation(),
      bots.size,
    ];
    for (const [bot, [run]] of bots) args.push(bot, keys.dirty(tagOf(topology, bot), ""), (run as Run).lane);
    let index = 0;
    for (const runs of bots.values()) {
      index++;
      for (const { lane, epoch, minute, earliest, latest, actions, told, events } of runs) {
        args.push(
          index,
          lane,
          epoch,
          minute,
          earliest,
          latest,
          actions.length,
          actions.join("\n"),
          told,
          events.length,
        );
        for (const event of events) args.push(event);
      }
    }
    return args;
  }

  /** Only has to differ from the bot's own earlier ones. */
  #generation(): string {
    this.#salt ??= this.#options.random.hex(6);
    return `${this.#salt}${(this.#calls++).toString(36)}`;
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

/** Decisions of one bot that follow each other and share what the script looks up: lane, epoch, key of their ids. */
interface Run {
  readonly lane: Lane;
  readonly epoch: number;
  readonly minute: number;
  earliest: number;
  latest: number;
  readonly actions: string[];
  /** Number of actions and deadline of each. */
  told: string;
  readonly events: EventId[];
  /** Where each stands in the call. */
  readonly places: number[];
}

function runsOf(decisions: readonly OutboxDecision[]): ReadonlyMap<BotName, readonly Run[]> {
  const bots = new Map<BotName, Run[]>();
  for (const [place, decision] of decisions.entries()) {
    let runs = bots.get(decision.bot);
    if (runs === undefined) {
      runs = [];
      bots.set(decision.bot, runs);
    }
    let run = runs.at(-1);
    if (run === undefined || !isOf(run, decision)) {
      run = emptyRun(decision);
      runs.push(run);
    }
    const { event, deadline, actions } = decision;
    run.earliest = Math.min(run.earliest, deadline);
    run.latest = Math.max(run.latest, deadline);
    for (const action of actions) run.actions.push(action);
    run.told += `${actions.length} ${deadline} `;
    run.events.push(event);
    run.places.push(place);
  }
  return bots;
}

function isOf(run: Run, { lane, epoch, deadline }: OutboxDecision): boolean {
  return (
    run.lane === lane &&
    run.epoch === epoch &&
    run.minute === minuteOf(deadline) &&
    run.actions.length < ACTIONS_PER_ENTRY
  );
}

function emptyRun({ lane, epoch, deadline }: OutboxDecision): Run {
  const minute = minuteOf(deadline);
  return { lane, epoch, minute, earliest: deadline, latest: deadline, actions: [], told: "", events: [], places: [] };
}

function minuteOf(deadline: number): number {
  return Math.floor(deadline / 60_000);
}
