/**
 * What really happened to writers, as the store and the sockets have it: it stands below every planted bug and every fault
 * of a pod's network, and judges at once what no history of texts would show.
 */
import type { Backends } from "#common/backends/backends.ts";
import { decodeAction } from "#common/contract/codec.ts";
import type { BotName, ConnectionId } from "#common/contract/ids.ts";
import { limits } from "#common/contract/limits.ts";
import { but } from "./but.ts";
import type { Shown } from "./phone.ts";

interface Reign {
  readonly epoch: number;
  readonly connection: ConnectionId;
  isOver: boolean;
}

export class Truth {
  readonly #broken = new Set<string>();
  /** Of each bot, in order. */
  readonly #reigns = new Map<BotName, Reign[]>();
  readonly #outdated = new Set<ConnectionId>();
  /** Actions that some phone read. */
  readonly #read = new Set<string>();
  #hasLost = false;
  readonly #labelled = new Map<string, Set<string>>();

  /** A later connection of its device is known: it must go. */
  get outdated(): ReadonlySet<ConnectionId> {
    return this.#outdated;
  }

  get broken(): readonly string[] {
    return [...this.#broken];
  }

  /** A frame is given to the system: there is one clock here, so that order tells everything. */
  begun(frame: Uint8Array): void {
    const { data } = JSON.parse(Buffer.from(frame).toString());
    const { bot_name: bot, moa_epoch: epoch, action_id: id, resent } = data;
    if (epoch === undefined) return;
    const now = this.#reigns.get(bot)?.at(-1);
    const own = this.#reigns.get(bot)?.find((reign) => reign.epoch === epoch);
    // What waited in the wire while its connection's tenure was taken again begins under the new one.
    if (own?.connection !== now?.connection) this.#broken.add(`${bot}: ${id} begun under ${epoch} after another took`);
    else if (now?.isOver) this.#broken.add(`${bot}: ${id} begun under ${epoch} after its end`);
    if (resent === true) this.#label(`${bot} ${epoch}`, id);
  }

  shown({ id }: Shown): void {
    this.#read.add(id);
  }

  /** The store lost its newest writes: what was shown and is offered again is labelled, however much it is. */
  lost(): void {
    this.#hasLost = true;
  }

  over(backends: Backends): Backends {
    const { writers, outboxReader: reader } = backends;
    return {
      ...backends,
      writers: but(writers, {
        enrol: async (candidate) => {
          const enrolment = await writers.enrol(candidate);
          if (enrolment.outdated) this.#outdated.add(candidate.connection);
          return enrolment;
        },
        take: async (...call) => {
          const taken = await writers.take(...call);
          if (!("holder" in taken)) this.#crowned(call[0].bot, taken.epoch, taken.connection);
          return taken;
        },
        end: async (bot, tenure, end) => {
          const was = await writers.end(bot, tenure, end);
          const reign = this.#reigns.get(bot)?.at(-1);
          if (was && reign?.epoch === tenure.epoch) reign.isOver = true;
          return was;
        },
      }),
      outboxReader: but(reader, {
        confirm: async (all) => {
          const before = all.map(({ bot }) => reader.read(bot, 0));
          const outcomes = await reader.confirm(all);
          for (const [i, { bot, upTo }] of all.entries()) {
            const { firstSequence, actions } = await (before[i] as (typeof before)[number]);
            if (outcomes[i]) this.#trimmed(bot, actions.slice(0, Math.max(0, upTo + 1 - firstSequence)));
          }
          return outcomes;
        },
      }),
    };
  }

  #crowned(bot: BotName, epoch: number, connection: ConnectionId): void {
    if (this.#outdated.has(connection))
      this.#broken.add(`${bot}: ${connection} writes, and its device has a later one`);
    const reigns = this.#reigns.get(bot) ?? [];
    if (reigns.at(-1)?.epoch !== epoch) this.#reigns.set(bot, [...reigns, { epoch, connection, isOver: false }]);
  }

  /** What is to be shown again when in doubt leaves the outbox only once it was read. */
  #trimmed(bot: BotName, actions: readonly string[]): void {
    for (const encoded of actions) {
      const { id, inDoubt } = decodeAction(encoded);
      if (inDoubt === undefined && !this.#read.has(id))
        this.#broken.add(`${bot}: ${id} confirmed, and no phone read it`);
    }
  }

  #label(reign: string, action: string): void {
    const labelled = this.#labelled.get(reign) ?? new Set();
    this.#labelled.set(reign, labelled.add(action));
    if (!this.#hasLost && labelled.size > limits.unconfirmedActionsMax)
      this.#broken.add(`${reign}: ${labelled.size} labelled`);
  }
}
