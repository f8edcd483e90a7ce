/**
 * What operators ask of a pod, by the part of it that can answer. Every change is put on record (moa_audit): of a status
 * in the transaction that changes it; of anything in Redis before it is done, because an act without a record is worse
 * than a record of an act that then found nothing.
 */
import type { ChatEvent } from "../contract/envelope.ts";
import { type EventId, eventIdOfLog } from "../contract/ids.ts";
import type { Clock } from "../kernel/clock.ts";
import { MoaError } from "../kernel/errors.ts";
import type { Actor, Administration, Audit, Changed } from "../ports/administration.ts";
import type { ApprovalChange, ApprovalChanges, DeviceKey, RoomKey } from "../ports/approvals.ts";
import type { Checkup, Finding } from "../ports/checkup.ts";
import type { LaneBalances, LaneReader } from "../ports/lane-log.ts";
import type { Membership } from "../ports/membership.ts";
import type { ParkedEvents, ParkedRef } from "../ports/parked-events.ts";
import type { AdminCall, AdminRoutes } from "./admin-door.ts";
import { limitOf, optional, refOf, required, statusOf } from "./admin-fields.ts";
import { type DeviceAdministration, deviceRoutes } from "./device-routes.ts";
import { LOG_LEVELS, type Log, type PodLog } from "./logger.ts";
import { recordUrgently } from "./urgent-record.ts";

export interface WorkerAdministration extends DeviceAdministration {
  readonly administration: Administration;
  readonly audit: Audit;
  readonly approvalChanges: Pick<ApprovalChanges, "announce">;
  readonly parked: ParkedEvents;
  readonly balances: LaneBalances;
  readonly lanes: Pick<LaneReader, "owners">;
  readonly membership: Pick<Membership, "live">;
  readonly log: Log;
}

export function workerRoutes(parts: WorkerAdministration): AdminRoutes {
  return { ...approvalRoutes(parts), ...deviceRoutes(parts), ...laneRoutes(parts), ...parkedRoutes(parts) };
}

/** What of the lanes somebody must look at. */
export function laneCheckup({
  balances,
  lanes,
  membership,
}: Pick<WorkerAdministration, "balances" | "lanes" | "membership">): Checkup {
  const checkup = async (): Promise<readonly Finding[]> => {
    const [all, states, live] = await Promise.all([balances.balances(), lanes.owners(), membership.live("worker")]);
    const unowned = states.filter(({ owner }) => owner === null || !live.includes(owner)).length;
    const parked = all.reduce((sum, one) => sum + one.parked, 0);
    const found = unowned === 0 ? "all owned" : `${unowned} of ${states.length} owned by nobody who lives`;
    const verdict = unowned === 0 ? "good" : "bad";
    const advice = unowned === 0 ? "" : "Lines in them wait: start workers with the role lanes (MOA_WORKER_ROLES).";
    const owners: Finding = { check: "lanes", verdict, found, advice };
    if (parked === 0) return [owners, { check: "parked events", verdict: "good", found: "none", advice: "" }];
    const look = "Somebody's lines were not handled: moa parked list, then rerun or drop.";
    return [owners, { check: "parked events", verdict: "odd", found: `${parked}`, advice: look }];
  };
  // Redis away is said by its own checkup.
  return { checkup: () => checkup().catch(() => []) };
}

export interface PodAdministration {
  readonly service: string;
  readonly podName: string;
  readonly clock: Clock;
  readonly log: PodLog;
  readonly audit: Pick<Audit, "record">;
  ports(): Readonly<Record<string, number>>;
}

/** What every pod answers. */
export function podRoutes({ service, podName, clock, log, audit, ports }: PodAdministration): AdminRoutes {
  return {
    "GET pod": async () => {
      return { service, pod: podName, ports: ports(), logLevel: log.leastLevel(), nowMs: clock.nowMs() };
    },
    "PUT log-level": async ({ body, by }) => {
      const before = log.leastLevel();
      const level = LOG_LEVELS.find((one) => one === body.level);
      if (level === undefined) throw new MoaError("asked_wrongly", `level must be one of ${LOG_LEVELS.join(", ")}`);
      const entry = { action: "log-level", subject: `${service} ${podName}`, before, after: level };
      await recordUrgently({ audit, log }, entry, by);
      log.setLevel(level);
      return { pod: podName, before, after: level };
    },
  };
}

export function checkupRoutes(checkups: readonly Checkup[]): AdminRoutes {
  return {
    "GET doctor": async () => {
      const found = await Promise.all(checkups.map((one) => one.checkup()));
      return { findings: found.flat() };
    },
  };
}

function approvalRoutes({ administration, audit, approvalChanges, log }: WorkerAdministration): AdminRoutes {
  const listed = ({ query }: AdminCall) => {
    return { status: query.has("status") ? statusOf(query) : null, bot: query.get("bot"), limit: limitOf(query) };
  };
  /** What is not announced is seen by the pods when they look again, a minute later. */
  const announce = async (all: readonly ApprovalChange[]): Promise<boolean> => {
    try {
      for (const one of all) await approvalChanges.announce(one);
      return true;
    } catch (error) {
      log.warn({ tag: "ADMIN", err: error }, "a change was made and not announced");
      return false;
    }
  };
  const changed = async <Key extends DeviceKey | RoomKey>(kind: "device" | "room", all: readonly Changed<Key>[]) => {
    if (all.length === 0)
      throw new MoaError(
        "not_found",
        `no such ${kind}; it is known once it has ${kind === "room" ? "talked" : "connected"}`,
      );
    const news = all.map(({ key, after }) => ({ kind, ...key, status: after }) as unknown as ApprovalChange);
    return { changed: all.map(({ key, ...rest }) => ({ ...key, ...rest })), announced: await announce(news) };
  };
  return {
    "GET devices": async (call) => ({ devices: await administration.devices(listed(call)) }),
    "GET rooms": async (call) => ({ rooms: await administration.rooms(listed(call)) }),
    "GET bots": async ({ query }) => ({ bots: await administration.bots(limitOf(query)) }),
    "GET audit": async ({ query }) => ({ audit: await audit.recent(limitOf(query)) }),
    "POST devices": async ({ body, by }) => {
      const key = { bot: required(body, "bot"), device: required(body, "device") };
      const to = { status: statusOf(body), reason: optional(body, "reason") };
      return changed("device", await administration.changeDevice(key, to, by));
    },
    "POST rooms": async ({ body, by }) => {
      const place = { bot: required(body, "bot"), channel: required(body, "channel") };
      const to = { status: statusOf(body), reason: optional(body, "reason") };
      const key = { ...place, device: optional(body, "device") };
      return changed("room", await administration.changeRoom(key, to, by));
    },
  };
}

function laneRoutes({ balances, lanes }: WorkerAdministration): AdminRoutes {
  return {
    "GET lanes": async () => {
      const [all, states] = await Promise.all([balances.balances(), lanes.owners()]);
      const ownerOf = new Map(states.map(({ lane, owner }) => [lane, owner]));
      const rows = all.map((balance) => {
        const done = Object.values(balance.done).reduce((sum, count) => sum + count, 0);
        return { ...balance, owner: ownerOf.get(balance.lane) ?? null, inFlight: balance.appended - done };
      });
      return { lanes: rows };
    },
  };
}

function parkedRoutes({ parked, audit }: WorkerAdministration): AdminRoutes {
  const found = async (ref: ParkedRef) => {
    const event = await parked.find(ref);
    if (event === null) throw new MoaError("not_found", "no such parked event");
    return event;
  };
  const act = async (ref: ParkedRef, what: "rerun" | "drop", by: Actor) => {
    const { id, reason, event } = await found(ref);
    if (what === "rerun" && (await audit.hasChangesOf(id))) {
      throw new MoaError("asked_wrongly", "its changes are made already: running it again would make them twice");
    }
    const entry = { action: `parked.${what}`, subject: `${ref.lane}:${ref.entry} ${id}` };
    await audit.record({ ...entry, before: `parked: ${reason}`, after: what === "rerun" ? "appended again" : "" }, by);
    const done = what === "rerun" ? await parked.rerun(ref, again(event, id, ref)) : await parked.drop(ref);
    if (!done) throw new MoaError("not_found", "no such parked event any more");
    return { [what]: `${ref.lane}:${ref.entry}` };
  };
  return {
    "GET parked": async ({ query }) => {
      const limit = limitOf(query);
      const all = (await parked.list(limit)).toSorted((a, b) => a.atMs - b.atMs).slice(0, limit);
      return { parked: all.map(({ lane, entry, ...rest }) => ({ ref: `${lane}:${entry}`, ...rest })) };
    },
    "GET parked/event": async ({ query }) => found(refOf(query.get("ref"))),
    "POST parked/rerun": async ({ body, by }) => act(refOf(body.ref), "rerun", by),
    "POST parked/drop": async ({ body, by }) => act(refOf(body.ref), "drop", by),
  };
}

/**
 * Under its own id every sink would take the event for a repeat: it is remembered as handled, and its room was told that
 * it failed. The new one is made of the parked entry, so that of two operators' reruns one counts. What cannot be read
 * has no id.
 */
function again(encoded: string, id: EventId, { lane, entry }: ParkedRef): string {
  try {
    const event = JSON.parse(encoded) as ChatEvent;
    return JSON.stringify({ ...event, id: eventIdOfLog(event.bot, event.channel, `rerun:${id}:${lane}:${entry}`) });
  } catch {
    return encoded;
  }
}
