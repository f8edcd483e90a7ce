/**
 * Which events of a lane may be the one that kills its owners. Every event that may have been in a dead owner's hands has a
 * try counted before it runs again, and runs as any other: most owners die of something else, and a backlog that ran one
 * event at a time would grow meanwhile. One that has such a try already, of the owner before, was there both times: that is
 * a suspect, and runs carefully (careful.ts), each try counted as it begins, until it is done or has had too many.
 */
import { decodeEvent } from "#common/contract/codec.ts";
import type { EventId, Lane } from "#common/contract/ids.ts";
import { limits } from "#common/contract/limits.ts";
import { MoaError } from "#common/kernel/errors.ts";
import type { Attempts, LaneEntry, LaneReader } from "#common/ports/lane-log.ts";
import { retryWhile } from "#workers/pipeline/retry-while.ts";
import { seenAs } from "#workers/pipeline/steps/dedupe.ts";
import type { Tools } from "#workers/pipeline/work.ts";

export interface SuspectsOptions {
  readonly lane: Lane;
  readonly epoch: number;
  readonly reader: Pick<LaneReader, "attempt">;
  readonly tools: Tools;
  isWanted(): boolean;
}

export class Suspects {
  readonly #options: SuspectsOptions;

  constructor(options: SuspectsOptions) {
    this.#options = options;
  }

  /** Of each event of the entry. @throws MoaError fenced */
  async among({ events, loggedAtMs }: Pick<LaneEntry, "events" | "loggedAtMs">): Promise<readonly boolean[]> {
    const ids = events.map((text) => idOf(text, loggedAtMs));
    const asked = ids.filter((id) => id !== null);
    if (asked.length === 0) return [];
    const tries = await this.#attempt({ events: asked, below: 1 });
    const suspects = new Set(asked.filter((_, i) => (tries[i] as number) > 1));
    return ids.map((id) => id !== null && suspects.has(id));
  }

  /** Counts a try of a suspect. @throws MoaError fenced */
  async hadTooMany(event: EventId): Promise<boolean> {
    const [tries] = await this.#attempt({ events: [event], below: Number.MAX_SAFE_INTEGER });
    return (tries as number) > limits.attemptsMax;
  }

  async #attempt(attempts: Attempts): Promise<readonly number[]> {
    const { lane, epoch, reader, tools, isWanted } = this.#options;
    const tries = await retryWhile(tools, isWanted, () => reader.attempt(lane, epoch, attempts));
    if (tries !== null) return tries;
    tools.metrics.fencingRejections.inc(1, { point: "attempt" });
    throw new MoaError("fenced", `lane ${lane} has a newer owner`);
  }
}

/** null of one that cannot be read: it will not be run. */
function idOf(text: string, loggedAtMs: number): EventId | null {
  try {
    return seenAs(decodeEvent(text, loggedAtMs));
  } catch {
    return null;
  }
}
