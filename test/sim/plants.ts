/**
 * Bugs that were thought of when the rules were made. Each is planted between the product and its sinks, or in it, and the
 * simulation must find it: a checker that misses them proves nothing about the rules that prevent them.
 */
import type { Backends } from "#common/backends/backends.ts";
import type { OutboxPiece } from "#common/ports/outbox.ts";
import type { ReignEnd } from "#common/ports/writer-directory.ts";
import { but } from "./but.ts";
import type { Plant } from "./plant.ts";
import { writerPlants } from "./writer-plants.ts";

export const plants: Readonly<Record<string, Plant>> = {
  /** Every sink takes the epoch and number of whoever comes, as if the caller were the owner. */
  "skip the epoch check": {
    worker: (role, store) => {
      const epochNow = async (lane: number) => (await store.lanes.owners())[lane]?.epoch ?? 0;
      let number = 1_000_000;
      return {
        ...role,
        reader: but(role.reader, {
          commit: async (commit) =>
            role.reader.commit({ ...commit, epoch: await epochNow(commit.lane), number: ++number }),
        }),
        outbox: {
          enqueue: (decisions) =>
            role.outbox.enqueue(decisions.map((decision) => ({ ...decision, epoch: Number.MAX_SAFE_INTEGER }))),
        },
      };
    },
  },
  /** The lane is committed first and the outbox called after: a crash between the two loses the answer. */
  "commit before the outbox call": {
    worker: (role) => ({
      ...role,
      outbox: {
        enqueue: async (decisions) => {
          role.clock.after(20, () => void role.outbox.enqueue(decisions).catch(() => {}));
          return decisions.map(() => "accepted" as const);
        },
      },
    }),
  },
  /** A lost last publish is found by nothing else. */
  "drop the dirty mark": {
    gateway: (backends) => ({
      ...backends,
      outboxReader: but(backends.outboxReader, { takeDirty: async () => [] }),
    }),
  },
  /** The 7th action of every bot has the sequence of its 6th, wherever sequences are told. */
  "reuse a sequence": { gateway: reusing },
  ...writerPlants,
};

function reusing(backends: Backends): Backends {
  const told = (real: number) => (real < 7 ? real : real - 1);
  const real = (sequence: number) => (sequence < 7 ? sequence : sequence + 1);
  const retold = <Piece extends OutboxPiece>(piece: Piece) => ({ ...piece, firstSequence: told(piece.firstSequence) });
  const { channel, outboxReader: reader, writers } = backends;
  const realEnd = (end: ReignEnd) => ({ ...end, doubtBelow: real(end.doubtBelow) });
  return {
    ...backends,
    channel: but(channel, {
      subscribe: (bot, listener) =>
        channel.subscribe(bot, but(listener, { onPiece: (piece) => listener.onPiece(retold(piece)) })),
    }),
    writers: but(writers, {
      take: async (candidate, over, atLeast) => {
        const taken = await writers.take(candidate, over?.end ? { ...over, end: realEnd(over.end) } : over, atLeast);
        if ("holder" in taken) return taken;
        const { first, next, doubtBelow } = taken;
        return { ...taken, first: told(first), next: told(next), doubtBelow: told(doubtBelow) };
      },
      end: (bot, tenure, end) => writers.end(bot, tenure, realEnd(end)),
    }),
    outboxReader: but(reader, {
      read: async (bot, from) => retold(await reader.read(bot, real(from))),
      heads: async (bots) => (await reader.heads(bots)).map((head) => ({ ...head, next: told(head.next) })),
      confirm: (all) => reader.confirm(all.map((one) => ({ ...one, upTo: real(one.upTo + 1) - 1 }))),
    }),
  };
}
