/** A row writer over real Redis and MariaDB, as a worker's main puts it together. */
import { redisBackends } from "#common/backends/redis/backends.ts";
import { systemRandom } from "#common/backends/system/random.ts";
import { keysFor } from "#common/contract/keys.ts";
import { laneCount, type Topology } from "#common/contract/lanes.ts";
import { limits } from "#common/contract/limits.ts";
import { RowWriter } from "#workers/intake/row-writer.ts";
import { MysqlChatLogStore } from "#workers/stores/chat-log-store.ts";
import { clock, log, type OpenStore } from "./open-store.ts";

export const TOPOLOGY: Topology = { shards: 2, lanesPerShard: 2, tags: 2 };

export function backendsOf(redisUrl: string, store: OpenStore) {
  return redisBackends({
    url: redisUrl,
    clock,
    random: systemRandom(),
    metrics: store.metrics.metrics,
    log,
    keys: keysFor(TOPOLOGY, "t:"),
    topology: TOPOLOGY,
    laneBacklogMax: limits.laneBacklogEventsMax,
  });
}

export type TestBackends = ReturnType<typeof backendsOf>;

interface Share {
  readonly me: string;
  /** The row writers that `me` believes to be alive. */
  live(): readonly string[];
}

export function rowWriterOf(backends: TestBackends, store: OpenStore, share: Share): RowWriter {
  return new RowWriter({
    lanes: laneCount(TOPOLOGY),
    rowLog: backends.rows,
    store: new MysqlChatLogStore({ mysql: store.textMysql, clock, log, metrics: store.metrics.metrics }),
    membership: { live: async () => share.live() },
    member: () => share.me,
    clock,
    random: systemRandom(),
    log,
    metrics: store.metrics.metrics,
  });
}
