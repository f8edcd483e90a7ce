/**
 * Who writes for a bot, and an operator's hands on it. Any gateway serves them: what they need is in Redis.
 *
 *   failover: look ─ another epoch than was looked at? nothing is changed
 *                  └ on record ─> the holder is asked ─> look until another writes ─> who, and how long it took
 *   hold, release: look ─> on record if it is a change ─> told, also when it is none: what was told before may be lost
 *
 * Nobody is made a writer here: the holder gives up and others take (ports/writer-directory.ts).
 */
import { decodeAction } from "../contract/codec.ts";
import type { BotName, ConnectionId, MemberId } from "../contract/ids.ts";
import { type Clock, pause } from "../kernel/clock.ts";
import { MoaError } from "../kernel/errors.ts";
import type { Actor, Audit } from "../ports/administration.ts";
import type { Membership } from "../ports/membership.ts";
import type { OutboxReader } from "../ports/outbox.ts";
import type { BotWriters, Candidate, WriterDirectory } from "../ports/writer-directory.ts";
import type { AdminRoutes } from "./admin-door.ts";
import { optional, required } from "./admin-fields.ts";
import type { Log } from "./logger.ts";
import { recordUrgently } from "./urgent-record.ts";

/** Handing over takes some 300 ms; a standby of a pod that died waits for its life key to go, which is not asked for. */
const MOVED_MS_MAX = 3_000;
const LOOK_EVERY_MS = 25;

interface OfPod {
  readonly pod: string;
  /** Its incarnation that enrolled or took lives. */
  readonly podLives: boolean;
}

export type SeenCandidate = Candidate & OfPod;
export type SeenHolder = NonNullable<BotWriters["holder"]> & OfPod;

export interface SeenWriters extends BotWriters {
  readonly bot: BotName;
  readonly nowMs: number;
  readonly holder: SeenHolder | null;
  /** The latest first, the writer among them. */
  readonly candidates: readonly SeenCandidate[];
  /** Age of the oldest action that is not confirmed; null when there is none. */
  readonly oldestMs: number | null;
}

export interface FailedOver {
  /** `ended`: the epoch asked about is over already. `same`: the connection asked for writes already. */
  readonly outcome: "moved" | "would_move" | "ended" | "same";
  /** Who wrote under the epoch that was asked about. */
  readonly before: SeenHolder | null;
  /** Who writes now. */
  readonly after: SeenHolder | null;
  /** Who may take: the first one here does if the holder's pod has it, else whoever is first. */
  readonly heirs: readonly SeenCandidate[];
  readonly tookMs: number | null;
}

export interface BotHold {
  readonly bot: BotName;
  readonly before: boolean;
  readonly after: boolean;
  /** False of a bot that has no connection and nothing waiting, as far as anybody knows: perhaps a wrong name. */
  readonly known: boolean;
}

export interface WriterAdministration {
  readonly writers: Pick<WriterDirectory, "look" | "ask">;
  readonly outboxReader: Pick<OutboxReader, "read">;
  readonly membership: Pick<Membership, "live">;
  readonly audit: Pick<Audit, "record">;
  readonly clock: Clock;
  readonly log: Log;
  /** How long after its line an answer may still be shown. */
  readonly actionTtlMs: number;
}

export function writerRoutes(parts: WriterAdministration): AdminRoutes {
  return {
    "GET writer": async ({ query }) => look(parts, required(Object.fromEntries(query), "bot")),
    "POST writer/failover": async ({ body, by }) => {
      const { epoch, dryRun = false } = body;
      if (!Number.isSafeInteger(epoch)) throw new MoaError("asked_wrongly", "epoch must be a whole number");
      const asked = { bot: required(body, "bot"), epoch: epoch as number, to: optional(body, "to") };
      return failOver(parts, { ...asked, dryRun: dryRun === true }, by);
    },
    "POST writer/hold": async ({ body, by }) => setPaused(parts, { bot: required(body, "bot"), paused: true }, by),
    "POST writer/release": async ({ body, by }) => setPaused(parts, { bot: required(body, "bot"), paused: false }, by),
  };
}

async function look({ writers, membership, outboxReader, clock, actionTtlMs }: WriterAdministration, bot: BotName) {
  const [found, live] = await Promise.all([writers.look(bot), membership.live("gateway")]);
  const nowMs = clock.nowMs();
  const [oldest] = found.waiting === 0 ? [] : (await outboxReader.read(bot, 0)).actions;
  const ofPod = <Part extends { readonly member: MemberId }>(part: Part): Part & OfPod => {
    const { member } = part;
    return { ...part, pod: member.slice(0, member.lastIndexOf(".")), podLives: live.includes(member) };
  };
  const candidates = found.candidates.map(ofPod).sort((a, b) => b.since - a.since);
  const oldestMs = oldest === undefined ? null : Math.max(0, nowMs - begunAt(oldest, actionTtlMs));
  return {
    ...found,
    bot,
    nowMs,
    holder: found.holder && ofPod(found.holder),
    candidates,
    oldestMs,
  } satisfies SeenWriters;
}

/** When the line was read that it answers; of what answers none, its deadline says when it was decided. */
function begunAt(encoded: string, actionTtlMs: number): number {
  const { askedAt, deadline } = decodeAction(encoded);
  return askedAt ?? deadline - actionTtlMs;
}

interface FailoverAsked {
  readonly bot: BotName;
  readonly epoch: number;
  readonly to: ConnectionId | null;
  readonly dryRun: boolean;
}

async function failOver(parts: WriterAdministration, asked: FailoverAsked, by: Actor): Promise<FailedOver> {
  const { bot, epoch, to, dryRun } = asked;
  const seen = await look(parts, bot);
  const { holder } = seen;
  const unchanged = { after: holder, heirs: [], tookMs: null };
  if (holder?.epoch !== epoch) return { ...unchanged, outcome: "ended", before: null };
  if (holder.connection === to) return { ...unchanged, outcome: "same", before: holder };
  const heirs = heirsOf(seen, holder, to);
  if (dryRun) return { ...unchanged, outcome: "would_move", before: holder, heirs };
  const before = `${holder.connection}, epoch ${epoch}`;
  await recordUrgently(parts, { action: "writer.failover", subject: bot, before, after: to ?? "any other" }, by);
  const sinceMs = parts.clock.monotonicMs();
  await parts.writers.ask(bot, { kind: "failover", epoch, to });
  for (;;) {
    const { holder: after } = await parts.writers.look(bot);
    const tookMs = Math.round(parts.clock.monotonicMs() - sinceMs);
    if (after !== null && after.epoch !== epoch) {
      return { outcome: "moved", before: holder, after: (await look(parts, bot)).holder, heirs, tookMs };
    }
    if (tookMs > MOVED_MS_MAX)
      throw new MoaError("deadline_passed", `asked, but ${tookMs} ms later nobody else writes`);
    await pause(parts.clock, LOOK_EVERY_MS);
  }
}

/** @throws MoaError not_found: it would only be the same connection again, after a second of nobody */
function heirsOf({ candidates }: SeenWriters, holder: SeenHolder, to: ConnectionId | null): readonly SeenCandidate[] {
  const living = candidates.filter(({ podLives, connection }) => podLives && connection !== holder.connection);
  const wanted = to === null ? living : living.filter(({ connection }) => connection === to);
  if (wanted.length === 0) {
    throw new MoaError("not_found", to === null ? "nobody stands by" : `${to} is no connection that stands by`);
  }
  const [near] = wanted.filter(({ member }) => member === holder.member);
  return near === undefined ? wanted : [near];
}

async function setPaused(
  parts: WriterAdministration,
  { bot, paused }: { readonly bot: BotName; readonly paused: boolean },
  by: Actor,
): Promise<BotHold> {
  const { paused: before, holder, candidates, waiting, former } = await parts.writers.look(bot);
  const words = (held: boolean) => (held ? "held" : "not held");
  if (before !== paused) {
    const action = paused ? "writer.hold" : "writer.release";
    await recordUrgently(parts, { action, subject: bot, before: words(before), after: words(paused) }, by);
  }
  await parts.writers.ask(bot, { kind: "paused", paused });
  const known = holder !== null || former !== null || candidates.length > 0 || waiting > 0;
  return { bot, before, after: paused, known };
}
