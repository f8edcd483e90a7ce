/** Every port on Redis. A worker that subscribes to nothing opens no subscriber, a gateway that reads no lane no reader. */
import type { Keys } from "#common/contract/keys.ts";
import { laneCount, type Topology } from "#common/contract/lanes.ts";
import type { Checkup } from "#common/ports/checkup.ts";
import type { Backends, LossOfReach } from "../backends.ts";
import { RedisApprovalChanges } from "./approval-changes.ts";
import { RedisBotChannel } from "./bot-channel.ts";
import { RedisCheckup } from "./checkup.ts";
import type { ConnectionTools, LossListener } from "./connection.ts";
import { assertFit } from "./fitness.ts";
import { RedisHeldActions } from "./held-actions.ts";
import { RedisLaneAppender } from "./lane-appender.ts";
import { RedisLaneBalances } from "./lane-balances.ts";
import { RedisLaneReader } from "./lane-reader.ts";
import { RedisMembership } from "./membership.ts";
import { RedisOutboxExpiry } from "./outbox-expiry.ts";
import { RedisOutboxReader } from "./outbox-reader.ts";
import { RedisOutboxWriter } from "./outbox-writer.ts";
import { RedisParkedEvents } from "./parked.ts";
import type { RedisPlace } from "./place.ts";
import { RedisRowLog } from "./row-log.ts";
import { readScripts } from "./scripts.ts";
import { ServerGauges } from "./server-gauges.ts";
import { serversOf } from "./servers.ts";
import { ShardReaders } from "./shard-readers.ts";
import { RedisWriterDirectory } from "./writer-directory.ts";

interface Deployment {
  readonly keys: Keys;
  readonly topology: Topology;
  readonly laneBacklogMax: number;
  /** Starts also where the master writes without its replicas. */
  readonly insecure?: boolean;
}

export type RedisBackendsOptions = RedisPlace & Deployment & ConnectionTools;

export function redisBackends(options: RedisBackendsOptions): Backends & { readonly checkup: Checkup } {
  const { keys, topology, insecure = false } = options;
  const isCluster = "cluster" in options;
  // A single server takes keys of all hash tags in one call, and runs one call at a time anyway: several would only cost
  // more. A Cluster takes one tag each, which is the deployment's own topology.
  const reach: Topology = isCluster ? topology : { shards: 1, lanesPerShard: laneCount(topology), tags: 1 };
  const scripts = readScripts();
  const servers = serversOf(options, options);
  const { commands } = servers;
  const readers = new ShardReaders({ ...options, reach, connect: servers.reader });
  const parts = { ...options, reach, commands, readers, scripts };
  const gauges = new ServerGauges(commands, options);
  const channel = new RedisBotChannel(options, servers, { keys, reach });
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
    outboxExpiry: new RedisOutboxExpiry(parts),
    channel,
    writers: new RedisWriterDirectory(parts),
    held: new RedisHeldActions(parts),
    membership: new RedisMembership(parts, keys),
    approvalChanges: new RedisApprovalChanges(commands, keys),
    onLoss: (listener) => commands.onLoss(byReach(keys, reach, listener)),
    start: async () => {
      await commands.open();
      await assertFit(commands, { ...options, isCluster, isReplaceable: !("url" in options), insecure });
      gauges.start();
    },
    close: async () => {
      gauges.close();
      channel.close();
      readers.close();
      servers.close();
    },
  };
}

/** From keys to what the ports count in. A lane has the number of its shard where there are at least as many lanes. */
function byReach(keys: Keys, reach: Topology, listener: LossOfReach): LossListener {
  const shards = Array.from({ length: reach.shards }, (_, shard) => shard);
  const tags = Array.from({ length: reach.tags }, (_, tag) => tag);
  return (isLost) =>
    listener(
      shards.filter((shard) => isLost(keys.inbound(shard))),
      tags.filter((tag) => isLost(keys.dirty(tag, ""))),
    );
}
