import type { Backends } from "#common/backends/backends.ts";
import type { MemoryStore } from "#common/backends/memory/backends.ts";
import type { LaneRole } from "#workers/worker.ts";

/** A bug to be found. */
export interface Plant {
  /** Between a worker and its sinks. */
  readonly worker?: (role: LaneRole, store: MemoryStore) => LaneRole;
  /** Between a gateway and its stores. */
  readonly gateway?: (backends: Backends) => Backends;
  /** In the product itself, for one run; the answer takes it out again. */
  readonly inside?: () => () => void;
}
