/**
 * Only what an approved device says in an approved room is run. The gateway judged the device when it read the line; the
 * room is looked up here, which costs no call while it is known. Nobody knows: not approved.
 */
import type { Known } from "#common/access/approval-cache.ts";
import type { Tools, Work } from "../work.ts";

export function admit(work: Work, tools: Tools): Work | Promise<Work> {
  const { event } = work;
  // Without a device it is of a gateway that knows of no approvals yet: for the minutes of an upgrade it fails closed.
  if (event.unapproved || event.device === undefined) return { ...work, outcome: "refused" };
  const status = tools.approvals.room(event as typeof event & { readonly device: string });
  return status instanceof Promise ? status.then((later) => judged(work, later)) : judged(work, status);
}

function judged(work: Work, status: Known): Work {
  return status === "approved" ? work : { ...work, outcome: "refused" };
}
