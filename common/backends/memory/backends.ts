/**
 * Every port in memory, for tests and the simulation: no timer but the clock's, no chance but the random's. The store is
 * what the pods share; each pod has backends of its own on it.
 */
import type { Topology } from "#common/contract/lanes.ts";
import type { Clock } from "#common/kernel/clock.ts";
import type { Random } from "#common/kernel/random.ts";
import type { Backends, LossOfReach } from "../backends.ts";
import { MemoryApprovalChanges } from "./approval-changes.ts";
import { BotRecords } from "./bot-records.ts";
import { MemoryBotChannel, MemoryHub } from "./channel.ts";
import { MemoryHeldActions } from "./held-actions.ts";
import { MemoryLanes } from "./lanes.ts";
import { MemoryMembership } from "./membership.ts";
import { MemoryOutbox } from "./outbox.ts";
import { MemoryRowLog } from "./row-log.ts";
import { MemoryWriterDirectory } from "./writer-directory.ts";

export interface MemoryStoreOptions {
  readonly topology: Topology;
  readonly clock: Clock;
  readonly random: Random;
  readonly laneBacklogMax: number;
}

export interface MemoryStore {
  /** For who makes it lose something; the pods have the ports. */
  readonly bots: BotRecords;
  readonly lanes: MemoryLanes;
  readonly rows: MemoryRowLog;
  readonly reach: Topology;
  readonly outbox: MemoryOutbox;
  readonly writers: MemoryWriterDirectory;
  readonly held: MemoryHeldActions;
  readonly hub: MemoryHub;
  readonly membership: MemoryMembership;
  readonly approvalChanges: MemoryApprovalChanges;
  /** Of every pod. Memory loses nothing by itself; who makes it lose something calls them. */
  readonly onLoss: Set<LossOfReach>;
}

export function memoryStore(options: MemoryStoreOptions): MemoryStore {
  const hub = new MemoryHub();
  const records = new BotRecords({ ...options, hub });
  const rows = new MemoryRowLog(options.topology, options.clock);
  return {
    reach: options.topology,
    bots: records,
    lanes: new MemoryLanes({ ...options, rows }),
    rows,
    outbox: new MemoryOutbox(records),
    writers: new MemoryWriterDirectory(records),
    held: new MemoryHeldActions(records),
    hub,
    membership: new MemoryMembership(options.clock),
    approvalChanges: new MemoryApprovalChanges(options.clock),
    onLoss: new Set(),
  };
}

export function memoryBackends(store: MemoryStore): Backends {
  const { reach, lanes, rows, outbox, writers, held, hub, membership, approvalChanges, onLoss } = store;
  const channel = new MemoryBotChannel(hub);
  return {
    reach,
    appender: lanes,
    lanes,
    balances: lanes,
    parked: lanes.parked,
    rows,
    outboxWriter: outbox,
    outboxReader: outbox,
    outboxExpiry: outbox,
    channel,
    writers,
    held,
    membership,
    approvalChanges,
    onLoss: (listener) => {
      onLoss.add(listener);
    },
    start: async () => {},
    close: async () => channel.close(),
  };
}
