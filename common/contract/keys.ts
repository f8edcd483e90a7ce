/**
 * Every Redis key and channel of moa is built here. The part in braces is the hash tag: keys that one script touches
 * share it, so that everything works on a Cluster as on a single server.
 */
import type { BotName, Lane, MemberId } from "./ids.ts";
import { shardOf, type Topology, tagOf } from "./lanes.ts";

export type Keys = ReturnType<typeof keysFor>;

const OUT = "}:out:";

/** @param prefix `moa:` in production; a test owns a prefix of its own */
export function keysFor(topology: Topology, prefix = "moa:") {
  const shard = (lane: Lane) => `${prefix}{s:${shardOf(topology, lane)}}`;
  const tag = (bot: BotName) => `${prefix}{o:${tagOf(topology, bot)}}`;
  const members = `${prefix}{m}`;
  return {
    /** stream: what came in */
    inbound: (lane: Lane) => `${shard(lane)}:in:${lane}`,
    /** hash: epoch, owner, commit number, position, counters, last append number of each gateway incarnation */
    lane: (lane: Lane) => `${shard(lane)}:lane:${lane}`,
    /** string: 8-byte digests of handled events, one key per `seenBucketMs` */
    seen: (lane: Lane, bucket: number) => `${shard(lane)}:seen:${lane}:${bucket}`,
    /** stream: chat-log rows on their way to MySQL */
    rows: (lane: Lane) => `${shard(lane)}:log:${lane}`,
    /** stream: events put aside for a person */
    parked: (lane: Lane) => `${shard(lane)}:parked:${lane}`,
    /** stream: actions not yet proven delivered, joined by LF; entry id `<sequence of the last one>-0` */
    outbox: (bot: BotName) => `${tag(bot)}:out:${bot}`,
    /** glob: the outboxes of all bots */
    outboxes: `${prefix}{o:*}:out:*`,
    botOfOutbox: (key: string): BotName => key.slice(key.indexOf(OUT, prefix.length) + OUT.length),
    /**
     * hash: generation, next, first, newest minute of ids, highest epoch of each lane; the writer's tenure and how the last
     * one ended
     */
    outboxMeta: (bot: BotName) => `${tag(bot)}:meta:${bot}`,
    /** hash: of each connection that may become the bot's writer its since, pod and device */
    candidates: (bot: BotName) => `${tag(bot)}:candidates:${bot}`,
    /** hash: of each action that an operator decides on, by its id, when it was put there and its text */
    held: (bot: BotName) => `${tag(bot)}:held:${bot}`,
    /** sorted set: held actions of all bots of a tag by when they were put there */
    heldAges: (tagIndex: number) => `${prefix}{o:${tagIndex}}:held-ages`,
    /** set: event ids enqueued with a deadline in that minute */
    outboxIds: (bot: BotName, deadlineMinute: number) => `${tag(bot)}:ids:${bot}:${deadlineMinute}`,
    /** set: bots with actions enqueued since the member last looked. One per tag and member. */
    dirty: (tagIndex: number, member: MemberId) => `${prefix}{o:${tagIndex}}:dirty:${member}`,
    /** sharded pub/sub channel of a bot */
    channel: (bot: BotName) => `${prefix}${`{o:${tagOf(topology, bot)}}`}:ch:${bot}`,
    /** sharded pub/sub channel on which a pod hears its own probe, one per tag: proves the subscriber is alive */
    probe: (tagIndex: number, member: MemberId) => `${prefix}{o:${tagIndex}}:probe:${member}`,
    /** string PX: a pod incarnation is alive while it exists */
    life: (role: string, member: MemberId) => `${members}:life:${role}:${member}`,
    /** set: incarnations that may be alive; whose life key is gone is dropped */
    members: (role: string) => `${members}:members:${role}`,
    /** stream: approvals that changed, the newest `approvalChangesMax` */
    changes: `${prefix}{a}:changes`,
    /** prefix of BullMQ's own keys */
    jobs: `${prefix}{jobs}`,
  };
}
