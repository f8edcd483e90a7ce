/** Every port on Redis. A worker that subscribes to nothing opens no subscriber, a gateway that reads no lane no reader. */
import type { Keys } from "#common/contract/keys.ts";
import { laneCount, type Topology } from "#common/contract/lanes.ts";
import type { Checkup } from "#common/ports/checkup.ts";
import type { Backends } from "../backends.ts";
import { RedisApprovalChanges } from "./approval-changes.ts";
import { RedisBotChannel } from "./bot-channel.ts";
import { RedisCheckup } from "./checkup.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";
import { assertFit } from "./fitness.ts";
import { RedisLaneAppender } from "./lane-appender.ts";
import { RedisLaneBalances } from "./lane-balances.ts";
import { RedisLaneReader } from "./lane-reader.ts";
import { RedisMembership } from "./membership.ts";
import { RedisOutboxReader } from "./outbox-reader.ts";
import { RedisOutboxWriter } from "./outbox-writer.ts";
import { RedisParkedEvents } from "./parked.ts";
import { RedisRowLog } from "./row-log.ts";
import { readScripts } from "./scripts.ts";
import { ShardReaders } from "./shard-readers.ts";

export interface RedisBackendsOptions extends ConnectionOptions {
  readonly keys: Keys;
  readonly topology: Topology;
  readonly laneBacklogMax: number;
}

export function redisBackends(options: RedisBackendsOptions): Backends & { readonly checkup: Checkup } {
  const { keys, topology } = options;
  // A single server takes keys of all hash tags in one call, and runs one call at a time anyway: several would only cost
  // more. A Cluster takes one tag each, which is the deployment's own topology.
  const reach: Topology = { shards: 1, lanesPerShard: laneCount(topology), tags: 1 };
  const scripts = readScripts();
  const commands = new Connection(options, "commands");
  const readers = new ShardReaders(options, reach);
  const parts = { ...options, reach, commands, readers, scripts };
  const channel = new RedisBotChannel(options, commands, { keys, reach });
  return {
    reach,
    appender: new RedisLaneAppender(parts),
    lanes: new RedisLaneReader(parts),
    balances: new RedisLaneBalances(parts, keys, topology),
    parked: new RedisParkedEvents(parts, keys, topology),
    checkup: new RedisCheckup(commands, options.clock),
    rows: new RedisRowLog(parts),
    outboxWriter: new RedisOutboxWriter(parts),
    outboxReader: new RedisOutboxReader(parts),
    channel,
    membership: new RedisMembership(parts, keys),
    approvalChanges: new RedisApprovalChanges(commands, keys),
    start: async () => {
      await commands.open();
      await assertFit(commands);
    },
    close: async () => {
      channel.close();
      readers.close();
      commands.close();
    },
  };
}
