/**
 * Every port in memory, for tests and the simulation: no timer but the clock's, no chance but the random's. The store is
 * what the pods share; each pod has backends of its own on it.
 */
import type { Topology } from "#common/contract/lanes.ts";
import type { Clock } from "#common/kernel/clock.ts";
import type { Random } from "#common/kernel/random.ts";
import type { Backends } from "../backends.ts";
import { MemoryApprovalChanges } from "./approval-changes.ts";
import { MemoryBotChannel, MemoryHub } from "./channel.ts";
import { MemoryLanes } from "./lanes.ts";
import { MemoryMembership } from "./membership.ts";
import { MemoryOutbox } from "./outbox.ts";
import { MemoryRowLog } from "./row-log.ts";

export interface MemoryStoreOptions {
  readonly topology: Topology;
  readonly clock: Clock;
  readonly random: Random;
  readonly laneBacklogMax: number;
}

export interface MemoryStore {
  readonly lanes: MemoryLanes;
  readonly rows: MemoryRowLog;
  readonly reach: Topology;
  readonly outbox: MemoryOutbox;
  readonly hub: MemoryHub;
  readonly membership: MemoryMembership;
  readonly approvalChanges: MemoryApprovalChanges;
}

export function memoryStore(options: MemoryStoreOptions): MemoryStore {
  const hub = new MemoryHub();
  const rows = new MemoryRowLog(options.topology, options.clock);
  return {
    reach: options.topology,
    lanes: new MemoryLanes({ ...options, rows }),
    rows,
    outbox: new MemoryOutbox({ ...options, hub }),
    hub,
    membership: new MemoryMembership(options.clock),
    approvalChanges: new MemoryApprovalChanges(options.clock),
  };
}

export function memoryBackends(store: MemoryStore): Backends {
  const { reach, lanes, rows, outbox, hub, membership, approvalChanges } = store;
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
    channel,
    membership,
    approvalChanges,
    start: async () => {},
    close: async () => channel.close(),
  };
}
