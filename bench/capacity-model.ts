/**
 * What moa's coordination asks of Redis, computed from the periods in common/contract/limits.ts: how often each loop of a
 * pod turns, and how many commands a turn makes, those within scripts included. Counted against a real stack
 * (capacity.json, made by `bench -- capacity`), so that a loop that was forgotten, or that changed, shows.
 *
 * On a single Redis: there a pod's calls reach every shard and tag at once (common/backends/backends.ts). On a Cluster
 * what is marked `per reach` is made for each shard or tag.
 */
import { limits } from "#common/contract/limits.ts";

export interface Site {
  readonly gateways: number;
  readonly workers: number;
  /** With a connection. */
  readonly bots: number;
  /** Bots for which somebody stands by on another gateway than their writer's. */
  readonly standbys: number;
}

export interface Counted extends Site {
  readonly linesPerS: number;
  readonly perS: {
    readonly commands: number;
    readonly cpuUs: number;
    readonly bytesIn: number;
    readonly bytesOut: number;
  };
  /** By command, INFO left out: the count asks for it itself. */
  readonly commandsPerS: Readonly<Record<string, number>>;
  readonly memory: number;
}

/** bench/capacity.json. */
export interface Measured {
  readonly counted: readonly Counted[];
  /** Of `bench -- idle`. */
  readonly idle: { readonly connections: number; readonly moa_kib: number };
}

export interface Loop {
  readonly what: string;
  readonly commandsPerS: number;
}

export interface Layout {
  readonly lanes: number;
  readonly tags: number;
  /** Lanes and tags that one call may touch: all of a single Redis are one shard and one tag; on a Cluster each is. */
  readonly reach: { readonly shards: number; readonly tags: number };
}

/** Commands of one turn of a loop, those within scripts included. */
export const TURN = {
  /** EVALSHA, PEXPIRE, SADD. */
  renewal: 3,
  /** SMEMBERS, MGET. */
  living: 2,
  /** EVALSHA, HMGET. */
  asking: 2,
  /** EVALSHA, HMGET, TIME, XRANGE, XLEN, XLEN. */
  balance: 6,
  /** Two that copy rows, each with its own read. */
  copiers: 2,
  /** The ages of a tag: how many, and the oldest. */
  held: 2,
} as const;
/** BullMQ's loops are not ours to compute: counted a second, of all workers together and of each. */
export const JOBS = { ofAll: 13, ofEach: 5.6 };
/** workers/intake/lane-gauges.ts. */
export const GAUGE_EVERY_MS = 5_000;

const RENEWALS_PER_S = 1_000 / limits.lifeRenewEveryMs;
const CHANGES_PER_S = 1_000 / limits.approvalChangesEveryMs;
const CHECKS_PER_S = 1_000 / limits.laneCheckEveryMs;
const LOOKS_PER_S = 1_000 / limits.writersLookEveryMs;
const READS_PER_S = 1_000 / limits.blockingReadMs;
const GAUGES_PER_S = 1_000 / GAUGE_EVERY_MS;

/** Of all pods while nobody speaks. */
export function coordination(
  { gateways, workers, bots, standbys }: Site,
  { lanes, tags, reach }: Layout,
): readonly Loop[] {
  const rounds = (standbys * 1_000) / limits.standbyRoundMsMin;
  const asked = Math.min(rounds, gateways * limits.standbysAskedPerLook * LOOKS_PER_S);
  const heardTags = bots > 0 ? reach.tags : 0;
  const lookers = standbys > 0 ? gateways : 0;
  return [
    { what: "life keys renewed", commandsPerS: (gateways + 2 * workers) * RENEWALS_PER_S * TURN.renewal },
    { what: "dirty marks taken", commandsPerS: (gateways * tags * 1_000) / limits.dirtyEveryMs },
    { what: "subscribers probed", commandsPerS: (gateways * heardTags * 1_000) / limits.probeEveryMs },
    { what: "approvals and rules listened for", commandsPerS: (gateways + 2 * workers) * CHANGES_PER_S },
    { what: "held actions counted", commandsPerS: (gateways * TURN.held * tags * 1_000) / limits.heldLookEveryMs },
    { what: "who lives, for standbys", commandsPerS: lookers * LOOKS_PER_S * TURN.living },
    { what: "who writes, for standbys", commandsPerS: asked * TURN.asking },
    { what: "lanes and their owners checked", commandsPerS: workers * CHECKS_PER_S * (TURN.living + lanes) },
    { what: "lanes waited for", commandsPerS: workers * READS_PER_S * reach.shards },
    { what: "lanes gauged", commandsPerS: workers * lanes * GAUGES_PER_S * TURN.balance },
    { what: "rows shared out", commandsPerS: workers * CHECKS_PER_S * TURN.living + lanes * CHECKS_PER_S },
    { what: "rows waited for", commandsPerS: workers * TURN.copiers * READS_PER_S * reach.shards },
    { what: "jobs (BullMQ)", commandsPerS: JOBS.ofAll + workers * JOBS.ofEach },
  ];
}

export function sumOf(loops: readonly Loop[]): number {
  return loops.reduce((sum, { commandsPerS }) => sum + commandsPerS, 0);
}
