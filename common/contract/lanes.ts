/**
 * Which lane, shard and tag things belong to: pure, the same on every pod of a deployment. Changing the numbers of a
 * running deployment breaks the order of its rooms: drain, switch, resume (ADR 0003).
 */
import type { BotName, ChannelId, Lane } from "./ids.ts";

export interface Topology {
  /** Hash tags `{s:S}` over which lanes are spread; each worker blocks on one read per shard. */
  readonly shards: number;
  readonly lanesPerShard: number;
  /** Hash tags `{o:K}` over which bots' outboxes are spread. */
  readonly tags: number;
}

export function laneCount(topology: Topology): number {
  return topology.shards * topology.lanesPerShard;
}

/** A room is (bot, channel) and always hashes to the same lane. */
export function laneOf(topology: Topology, bot: BotName, channel: ChannelId): Lane {
  return fnv1a(`${bot}\0${channel}`) % laneCount(topology);
}

export function shardOf(topology: Topology, lane: Lane): number {
  return lane % topology.shards;
}

export function tagOf(topology: Topology, bot: BotName): number {
  return fnv1a(bot) % topology.tags;
}

/** Rendezvous hashing: the member with the highest score for the key. A join or leave moves only what it must. */
export function rightfulOwner(key: string, members: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestScore = -1;
  for (const member of members) {
    const score = mix(fnv1a(`${member}\0${key}`));
    if (score > bestScore || (score === bestScore && best !== undefined && member < best)) {
      best = member;
      bestScore = score;
    }
  }
  return best;
}

/** FNV-1a over UTF-16 units, finished by a murmur3 mixer: plain FNV leaves the low bits of short keys uneven. */
function fnv1a(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    h ^= text.charCodeAt(i);
    h = Math.imul(h, 0x01000193);
  }
  return mix(h >>> 0);
}

function mix(value: number): number {
  let h = value;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  h ^= h >>> 16;
  return h >>> 0;
}
