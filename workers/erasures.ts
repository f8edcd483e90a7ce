/**
 * Erasures that operators ask of this worker, one at a time. They take longer than an operator's request may: it is
 * answered when the erasure begins, and the audit says how it ended. A worker that stops breaks it off.
 */
import { MoaError } from "#common/kernel/errors.ts";
import type { Part } from "#common/kernel/lifecycle.ts";
import type { AdminRoutes } from "#common/observe/admin-door.ts";
import { optional } from "#common/observe/admin-fields.ts";
import type { Log } from "#common/observe/logger.ts";
import type { Actor } from "#common/ports/administration.ts";
import { digestOf, type Erased, type ErasedRows, type ErasureAsked, notErased } from "./erased.ts";

export interface ErasuresOptions {
  readonly log: Log;
  erase(asked: ErasureAsked): Promise<ErasedRows>;
}

export class Erasures implements Part {
  readonly name = "erasures";
  readonly #options: ErasuresOptions;
  readonly #stop = new AbortController();
  #running: Promise<void> | null = null;

  constructor(options: ErasuresOptions) {
    this.#options = options;
  }

  readonly routes: AdminRoutes = {
    "POST erase": async ({ body, by }) => {
      const [user, room] = [optional(body, "user"), optional(body, "room")];
      if ((user === null) === (room === null)) throw new MoaError("asked_wrongly", "name either a user or a room");
      const what = user !== null ? { user } : { room: room as string };
      if (this.#running !== null) throw new MoaError("asked_wrongly", "this worker is at another erasure");
      this.#running = this.#run(what, by);
      return { begun: digestOf(what), notErased };
    },
  };

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Never rejects. */
  async #run(what: Erased, by: Actor): Promise<void> {
    const { erase, log } = this.#options;
    try {
      const erased = await erase({ what, by, signal: this.#stop.signal });
      log.info({ tag: "ADMIN", subject: digestOf(what), erased }, "erased");
    } catch (error) {
      log.error({ tag: "ADMIN", subject: digestOf(what), err: error }, "erasure broken off: it is to be begun again");
    } finally {
      this.#running = null;
    }
  }
}
