/**
 * Sends what operators have scheduled, each time of a schedule once:
 *
 *   due by MySQL ──> judged (domain/schedules.ts) ──> ONE transaction: its next time, compare and set; its outbox rows,
 *                                                      open; its chat-log rows; its log, pending
 *                ──> offered to the Redis outbox
 *   receipts came ──> its log: success, partial or failed
 *
 * MySQL is first, because it alone can tell a second time from the first. Killed before the transaction's end nothing
 * was done, and the next run does it. Killed after it, the open rows are there: the sweep of the outbox (outbox-sweep.ts)
 * offers them twenty seconds later, under ids made of the schedule and its time, so that a time that was offered already is
 * known. The other way round, sent first and then on record, a kill between the two sends twice.
 *
 * A schedule that fails does not hold up the others; tried again each run, it is missed when its five minutes are over.
 * Sendings to one room keep the order of their times, unless the outbox had to be offered one of them again.
 */
import { encodeAction } from "#common/contract/codec.ts";
import { actionIdOf, eventIdOfSchedule } from "#common/contract/ids.ts";
import { laneOf } from "#common/contract/lanes.ts";
import { limits } from "#common/contract/limits.ts";
import type { Clock } from "#common/kernel/clock.ts";
import type { Log } from "#common/observe/logger.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import type { JobHandler } from "#common/ports/job-queue.ts";
import { judge, type Verdict } from "#workers/domain/schedules.ts";
import type {
  ChatLogRow,
  DueSchedule,
  OpenOutboxRow,
  Schedule,
  ScheduleStore,
  Sending,
} from "#workers/domain/stores.ts";
import { recorded } from "#workers/pipeline/rows.ts";
import { epochsOf, type OutboxOffers, offer } from "./outbox-offers.ts";

export interface SchedulesOptions extends OutboxOffers {
  readonly schedules: ScheduleStore;
  readonly actionTtlMs: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** Below the queue's runMsMax: a run that ends by itself is no failed one, and the next goes on. */
const RUN_MS_MAX = 45_000;
const DIRECTIVE = "SCHEDULED_MSG";

export function schedules(options: SchedulesOptions): JobHandler {
  return async (signal) => {
    const { schedules: store, clock, log, metrics } = options;
    const startMs = clock.nowMs();
    const untilMs = clock.monotonicMs() + RUN_MS_MAX;
    const isOver = () => signal.aborted || clock.monotonicMs() > untilMs;
    for (let after: DueSchedule | null = null; !isOver(); ) {
      const page: readonly DueSchedule[] = await store.due(startMs, limits.schedulesPerPageMax, after);
      for (const due of page) {
        if (isOver()) break;
        await handle(due, options).catch((err) =>
          log.warn({ tag: "DB", schedule: due.id, err }, "a schedule is tried again"),
        );
      }
      if (page.length < limits.schedulesPerPageMax) break;
      after = page.at(-1) ?? null;
    }
    for await (const outcome of store.settle()) {
      metrics.scheduledSendings.inc(1, { outcome });
      if (signal.aborted) break;
    }
  };
}

async function handle(due: DueSchedule, options: SchedulesOptions): Promise<void> {
  const { schedules: store, log, metrics } = options;
  const schedule = await store.find(due);
  if (schedule === null) return;
  const sending = sendingOf(schedule, options);
  if (!(await store.keep(sending))) return;
  const { status, why } = sending.log ?? { status: "pending", why: "" };
  if (status !== "pending") {
    metrics.scheduledSendings.inc(1, { outcome: status });
    log.warn({ tag: "DB", schedule: due.id, status, why }, "a scheduled sending was not made");
  }
  if (sending.actions.length === 0) return;
  await offer(sending.actions, await epochsOf(options), options);
}

function sendingOf(schedule: Schedule, options: SchedulesOptions): Sending {
  const atMs = options.clock.nowMs();
  const verdict = judge(schedule.times, schedule.knownMs, atMs);
  const { dueMs, nextMs } = verdict;
  const nothing = { schedule, atMs, nextMs, actions: [], rows: [] };
  const notMade = notMadeBecause(schedule, verdict);
  if (notMade !== null && dueMs !== null)
    return { ...nothing, status: endOf(schedule, nextMs), log: { dueMs, ...notMade } };
  if (verdict.kind !== "send" || dueMs === null) {
    return { ...nothing, status: nextMs !== null ? "active" : dueMs === null ? "error" : "completed", log: null };
  }
  return {
    ...nothing,
    status: nextMs === null ? "completed" : "active",
    log: { dueMs, status: "pending", why: schedule.lacks },
    actions: actionsOf(schedule, { dueMs, atMs }, options),
    rows: schedule.parts.map(({ reply }) => rowOf(schedule, recorded(reply), atMs)),
  };
}

function notMadeBecause(
  { room, parts, lacks }: Schedule,
  { kind }: Verdict,
): { readonly status: "failed" | "missed"; readonly why: string } | null {
  if (kind === "missed") return { status: "missed", why: "nothing ran when it was due" };
  if (kind !== "send") return null;
  if (room === null) return { status: "failed", why: "the room is not approved" };
  return parts.length === 0 ? { status: "failed", why: lacks || "there is nothing to send" } : null;
}

/** One that was to be sent once, and was not, has not ended well. */
function endOf({ times }: Schedule, nextMs: number | null): Sending["status"] {
  if (nextMs !== null) return "active";
  return times.kind === "once" ? "error" : "completed";
}

function actionsOf(
  { id, bot, channel, room, parts }: Schedule,
  { dueMs, atMs }: { readonly dueMs: number; readonly atMs: number },
  { topology, actionTtlMs }: SchedulesOptions,
): readonly OpenOutboxRow[] {
  const event = eventIdOfSchedule(id, dueMs);
  const lane = laneOf(topology, bot, channel);
  const deadline = atMs + actionTtlMs;
  return parts.map(({ reply }, index) => {
    const actionId = actionIdOf(event, index);
    const about = { v: 1, id: actionId, bot, channel, room: room ?? "", deadline, receipt: true } as const;
    return {
      id: actionId,
      event,
      lane,
      bot,
      deadline,
      action: encodeAction({ ...about, ...reply }),
      createdAtMs: atMs,
    };
  });
}

function rowOf({ bot, channel, room }: Schedule, message: string, atMs: number): ChatLogRow {
  return {
    channelId: channel,
    userHash: bot,
    roomName: room,
    sender: bot,
    message,
    directive: DIRECTIVE,
    messageType: "scheduled",
    isMeaningful: false,
    botName: bot,
    isMention: false,
    // Nobody said anything there that would tell.
    isGroupChat: false,
    logId: null,
    clientAtMs: null,
    serverAtMs: atMs,
    isBot: true,
    isOurBotResponse: true,
    isScheduled: true,
  };
}
