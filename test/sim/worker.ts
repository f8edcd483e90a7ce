/** A worker pod of the simulation: the product's parts over the twins. */
import type { Backends } from "#common/backends/backends.ts";
import type { Topology } from "#common/contract/lanes.ts";
import type { Random } from "#common/kernel/random.ts";
import type { Log } from "#common/observe/logger.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import { noTracing } from "#common/observe/tracing.ts";
import { type LaneRole, laneParts, rowParts } from "#workers/worker.ts";
import { COMMANDS, classed } from "./dialogue.ts";
import type { Process } from "./process.ts";
import type { MemoryStores } from "./stores.ts";

export interface SimWorkerOptions {
  readonly process: Process;
  readonly random: Random;
  readonly topology: Topology;
  readonly backends: Backends;
  readonly stores: MemoryStores;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Plants a fault between the worker and its sinks. */
  around(role: LaneRole): LaneRole;
}

export async function startWorker(options: SimWorkerOptions): Promise<void> {
  const { process, random, topology, backends, stores, log, metrics } = options;
  const basics = {
    podName: process.name,
    topology,
    clock: process.clock,
    random,
    log,
    metrics,
    tracing: noTracing,
    membership: process.over(backends.membership),
    onLoss: process.onLoss.bind(process),
  };
  const outbox = process.over(backends.outboxWriter);
  const role = options.around({
    ...basics,
    actionTtlMs: 120_000,
    reader: process.over(backends.lanes),
    balances: process.over(backends.balances),
    outbox: {
      enqueue: (decisions) =>
        outbox.enqueue(decisions.map((decision) => ({ ...decision, actions: decision.actions.map(classed) }))),
    },
    turns: process.over(stores),
    outboxRows: process.over(stores.outboxRows),
    approvals: { room: () => "approved" },
    autoReplies: { of: () => undefined },
    commands: COMMANDS,
    raise: async () => {},
  });
  const rows = { ...basics, rowLog: process.over(backends.rows), store: process.over(stores) };
  for (const part of [...laneParts(role), ...rowParts(rows)]) await part.start?.();
}
