/**
 * Drain of this very pod by an operator: writers are handed over, sockets closed, and the process stays until its
 * SIGTERM. It may take longer than a request, so that it is begun by one and looked after by others.
 */
import { MoaError } from "../kernel/errors.ts";
import type { Audit } from "../ports/administration.ts";
import type { AdminRoutes } from "./admin-door.ts";
import { required } from "./admin-fields.ts";
import type { Log } from "./logger.ts";
import { recordUrgently } from "./urgent-record.ts";

export interface DrainSeen {
  readonly pod: string;
  readonly state: "serving" | "draining" | "drained";
  /** Still open. */
  readonly connections: number;
}

export interface DrainAdministration {
  readonly podName: string;
  connections(): number;
  drain(): Promise<void>;
  readonly audit: Pick<Audit, "record">;
  readonly log: Log;
}

export function drainRoutes({ podName, connections, drain, audit, log }: DrainAdministration): AdminRoutes {
  let state: DrainSeen["state"] = "serving";
  const seen = (): DrainSeen => ({ pod: podName, state, connections: connections() });
  const begin = async () => {
    try {
      await drain();
    } catch (error) {
      log.error({ tag: "ADMIN", err: error }, "the drain did not end as it should");
    }
    state = "drained";
  };
  return {
    "GET drain": async () => seen(),
    "POST drain": async ({ body, by }) => {
      // A name in front of several pods may lead to another one.
      if (required(body, "pod") !== podName) throw new MoaError("asked_wrongly", `this is ${podName}`);
      if (state === "serving") {
        state = "draining";
        const entry = { action: "pod.drain", subject: podName, before: "serving", after: "draining" };
        await recordUrgently({ audit, log }, entry, by);
        void begin();
      }
      return seen();
    },
  };
}
