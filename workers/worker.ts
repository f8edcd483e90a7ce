/**
 * The worker pod: own lanes -> work -> drain -> release. It is made of parts that start in order and stop in reverse;
 * roles say which a process has.
 *
 *   lanes   life, outbox calls, gauges, lane owner: lanes are released first at a stop, so that another goes on at once
 *   rows    life, row writer: chat log to MySQL
 *   jobs    BullMQ queues
 */
import type { Approvals } from "#common/access/approvals.ts";
import { laneCount, shardOf, type Topology, tagOf } from "#common/contract/lanes.ts";
import { limits } from "#common/contract/limits.ts";
import type { QueueName } from "#common/contract/queues.ts";
import type { Clock } from "#common/kernel/clock.ts";
import { Life } from "#common/kernel/life.ts";
import type { Part } from "#common/kernel/lifecycle.ts";
import type { Random } from "#common/kernel/random.ts";
import type { Log } from "#common/observe/logger.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import type { Tracing } from "#common/observe/tracing.ts";
import type { JobQueue } from "#common/ports/job-queue.ts";
import type { LaneBalances, LaneReader } from "#common/ports/lane-log.ts";
import type { Membership, Role } from "#common/ports/membership.ts";
import type { OutboxExpiry, OutboxWriter } from "#common/ports/outbox.ts";
import type { RowLog } from "#common/ports/row-log.ts";
import type { Command } from "#workers/domain/command.ts";
import type { ChatLogStore, OutboxRows, ScheduleStore, TurnStore } from "#workers/domain/stores.ts";
import { laneGauges } from "./intake/lane-gauges.ts";
import { LaneOwner } from "./intake/lane-owner.ts";
import { RowWriter } from "./intake/row-writer.ts";
import { jobCatalogue } from "./jobs/catalogue.ts";
import type { RetentionOptions } from "./jobs/retention.ts";
import { OutboxCalls } from "./pipeline/outbox-calls.ts";
import type { Tools } from "./pipeline/work.ts";

/** What every part of a worker may use. */
export interface WorkerBasics {
  readonly podName: string;
  /** The backends' reach: what one call may touch. */
  readonly topology: Topology;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly tracing: Pick<Tracing, "root" | "next">;
  readonly membership: Membership;
  /** Told when Redis may have lost what it acknowledged in these shards and tags of the reach. */
  onLoss(listener: (shards: readonly number[], tags: readonly number[]) => void): void;
}

export interface LaneRole extends WorkerBasics {
  readonly actionTtlMs: number;
  readonly reader: LaneReader;
  readonly balances: LaneBalances;
  readonly outbox: OutboxWriter;
  readonly turns: TurnStore;
  readonly outboxRows: OutboxRows;
  readonly approvals: Pick<Approvals, "room">;
  readonly autoReplies: Tools["autoReplies"];
  readonly commands: readonly Command[];
  /** Before lanes are taken after a loss: what Redis numbers goes on above what MySQL knows. */
  raise(): Promise<void>;
}

export function laneParts(role: LaneRole): readonly Part[] {
  const { topology, clock, metrics, reader, membership } = role;
  const calls = new OutboxCalls({
    ...role,
    lanes: reader,
    tags: topology.tags,
    tagOf: (bot) => tagOf(topology, bot),
  });
  const tools: Tools = { ...role, enqueue: (decision) => calls.enqueue(decision) };
  const life = lifeOf(role, "worker", () => owner.dropAll());
  const owner = new LaneOwner({
    shards: topology.shards,
    shardOf: (lane) => shardOf(topology, lane),
    reader,
    membership,
    tools,
    member: () => life.member,
    raise: () => role.raise(),
  });
  role.onLoss((shards, tags) => {
    owner.lost(shards);
    void calls.lost(tags);
  });
  return [
    { name: "life of the worker", start: () => life.start(), stop: () => life.stop() },
    { name: "outbox calls", stop: async () => calls.close() },
    laneGauges({ clock, metrics, balances: role.balances, log: role.log, owned: () => owner.lanes }),
    { name: "lanes", start: async () => owner.start(), stop: () => owner.stop(), stopMsMax: limits.drainMsMax },
  ];
}

export interface RowRole extends WorkerBasics {
  readonly rowLog: RowLog;
  readonly store: ChatLogStore;
}

export function rowParts(role: RowRole): readonly Part[] {
  const life = lifeOf(role, "rows", () => {});
  const writer = new RowWriter({ ...role, lanes: laneCount(role.topology), member: () => life.member });
  role.onLoss((shards) => {
    if (shards.length > 0) writer.lost();
  });
  return [{ name: "life of the row writer", start: () => life.start(), stop: () => life.stop() }, writer];
}

export interface JobRole extends WorkerBasics {
  readonly queue: JobQueue;
  readonly lanes: Pick<LaneReader, "owners">;
  readonly outbox: OutboxWriter;
  readonly outboxes: OutboxExpiry;
  readonly rows: OutboxRows;
  readonly outdated: RetentionOptions["outdated"];
  readonly schedules: ScheduleStore;
  readonly actionTtlMs: number;
}

export function jobParts(role: JobRole): readonly Part[] {
  const start = async () => {
    const names = Object.keys(jobCatalogue) as QueueName[];
    for (const name of names) await role.queue.work(name, jobCatalogue[name](role));
  };
  return [{ name: "jobs", start, stop: () => role.queue.close() }];
}

/** Proof that this pod lives, in one role; `onReborn` hears that the former incarnation may have been declared dead. */
function lifeOf(role: WorkerBasics, as: Role, onReborn: () => void): Life<Role> {
  const { podName, clock, random, log, metrics, membership } = role;
  return new Life({
    podName,
    role: as,
    roll: membership,
    clock,
    random,
    lifeMs: limits.lifeMs,
    marginMs: limits.lifeMarginMs,
    renewEveryMs: limits.lifeRenewEveryMs,
    onReborn: (member) => {
      metrics.lifeLost.inc(1);
      log.warn({ tag: "SERVER", role: as, member }, "life was lost and is taken up anew");
      onReborn();
    },
    onRenewed: (leftMs) => metrics.lifeLeftSeconds.observe(leftMs / 1_000),
    onError: (error) => {
      metrics.lifeErrors.inc(1);
      log.warn({ tag: "SERVER", role: as, err: error }, "life not renewed");
    },
  });
}
