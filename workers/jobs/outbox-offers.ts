/**
 * Open MySQL outbox rows to the Redis outbox, which decides by their event's id whether it has them.
 *
 * Offered under the lane's present epoch, not that of the worker that made the row: MySQL accepted the row under its
 * fence, so it stands whoever owns the lane now, and the outbox would refuse the old one. A lane that changes hands
 * between the look and the call fences the offer; the next sweep makes it again.
 */
import type { Lane } from "#common/contract/ids.ts";
import { type Topology, tagOf } from "#common/contract/lanes.ts";
import { limits } from "#common/contract/limits.ts";
import type { LaneReader } from "#common/ports/lane-log.ts";
import type { EnqueueOutcome, OutboxDecision, OutboxWriter } from "#common/ports/outbox.ts";
import type { OpenOutboxRow } from "#workers/domain/stores.ts";

export interface OutboxOffers {
  readonly outbox: OutboxWriter;
  readonly lanes: Pick<LaneReader, "owners">;
  readonly topology: Topology;
}

/** Whole events, those of one together. @throws MoaError redis_unavailable: offer them again */
export async function offer(
  rows: readonly OpenOutboxRow[],
  epochs: ReadonlyMap<Lane, number>,
  { outbox, topology }: Pick<OutboxOffers, "outbox" | "topology">,
): Promise<Readonly<Record<EnqueueOutcome, number>>> {
  const outcomes: Record<EnqueueOutcome, number> = { accepted: 0, duplicate: 0, expired: 0, fenced: 0 };
  const byTag = Map.groupBy(decisionsOf(rows, epochs), ({ bot }) => tagOf(topology, bot));
  for (const ofTag of byTag.values()) {
    for (const call of callsOf(ofTag)) for (const outcome of await outbox.enqueue(call)) outcomes[outcome]++;
  }
  return outcomes;
}

export async function epochsOf({ lanes }: Pick<OutboxOffers, "lanes">): Promise<ReadonlyMap<Lane, number>> {
  return new Map((await lanes.owners()).map(({ lane, epoch }) => [lane, epoch]));
}

function decisionsOf(rows: readonly OpenOutboxRow[], epochs: ReadonlyMap<Lane, number>): readonly OutboxDecision[] {
  const byEventAndBot = Map.groupBy(rows, ({ event, bot }) => `${event}\0${bot}`);
  return [...byEventAndBot.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { bot, deadline, event, lane } = first;
    return [{ bot, lane, epoch: epochs.get(lane) ?? 0, event, deadline, actions: group.map(({ action }) => action) }];
  });
}

/** As many as a call takes; pictures are long, so that one more may be too much. */
function* callsOf(decisions: readonly OutboxDecision[]): Generator<readonly OutboxDecision[]> {
  let call: OutboxDecision[] = [];
  let chars = 0;
  for (const decision of decisions) {
    const more = decision.actions.reduce((sum, action) => sum + action.length, 0);
    if (call.length === limits.decisionsPerCallMax || (call.length > 0 && chars + more > limits.commitBytesMax)) {
      yield call;
      call = [];
      chars = 0;
    }
    call.push(decision);
    chars += more;
  }
  if (call.length > 0) yield call;
}
