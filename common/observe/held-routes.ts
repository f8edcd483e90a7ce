/**
 * Actions of which a failover left unknown whether they were shown, and whose class leaves that to an operator. What
 * he does is on record before it is done; without a record nothing is done, because it is about money.
 */
import { decodeAction, encodeAction } from "../contract/codec.ts";
import type { OutboundAction } from "../contract/envelope.ts";
import type { ChannelId } from "../contract/ids.ts";
import type { Clock } from "../kernel/clock.ts";
import { MoaError } from "../kernel/errors.ts";
import type { Audit } from "../ports/administration.ts";
import type { HeldAction, HeldActions } from "../ports/held-actions.ts";
import type { AdminCall, AdminRoutes } from "./admin-door.ts";
import { required } from "./admin-fields.ts";

/** Enough to know it by. */
const SAYS_CHARS_MAX = 200;

export interface SeenHeld {
  readonly id: string;
  readonly ageMs: number;
  readonly channel: ChannelId;
  readonly room: string;
  /** The beginning of its text, or what media it is. */
  readonly says: string;
}

export interface HeldAdministration {
  readonly held: Pick<HeldActions, "list" | "resend" | "discard">;
  readonly audit: Pick<Audit, "record">;
  readonly clock: Clock;
  /** How long after its line an answer may still be shown. */
  readonly actionTtlMs: number;
}

export function heldRoutes({ held, audit, clock, actionTtlMs }: HeldAdministration): AdminRoutes {
  const act = async ({ body, by }: AdminCall, what: "resend" | "discard") => {
    const [bot, id] = [required(body, "bot"), required(body, "id")];
    const one = (await held.list(bot)).find((other) => other.id === id);
    if (one === undefined) throw new MoaError("not_found", "no such held action");
    const resent = what === "resend" ? again(decodeAction(one.action), clock.nowMs() + actionTtlMs) : null;
    const before = `held since ${new Date(one.heldAt).toISOString()}`;
    const after = resent === null ? "" : "appended again";
    await audit.record({ action: `held.${what}`, subject: `${bot} ${id}`, before, after }, by);
    const done = resent === null ? await held.discard(bot, id) : await held.resend(bot, id, resent);
    if (!done) throw new MoaError("not_found", "no such held action any more");
    return { [what]: id };
  };
  return {
    "GET held": async ({ query }) => {
      const all = await held.list(required(Object.fromEntries(query), "bot"));
      return { held: all.map((one) => seenOf(one, clock.nowMs())) };
    },
    "POST held/resend": async (call) => act(call, "resend"),
    "POST held/discard": async (call) => act(call, "discard"),
  };
}

/**
 * With a deadline of its own, and of the class that is shown again: the operator has decided that twice is better than
 * never, and a next failover must not ask him anew.
 */
function again({ inDoubt: _, ...action }: OutboundAction, deadline: number): string {
  return encodeAction({ ...action, deadline });
}

function seenOf({ id, heldAt, action }: HeldAction, nowMs: number): SeenHeld {
  const decoded = decodeAction(action);
  const { channel, room } = decoded;
  const says = decoded.kind === "text" ? decoded.text : `${decoded.items.length} ${decoded.media}`;
  return { id, ageMs: Math.max(0, nowMs - heldAt), channel, room, says: says.slice(0, SAYS_CHARS_MAX) };
}
