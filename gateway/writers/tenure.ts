/**
 * One bot on one pod: which of its connections here are known to the directory, who holds its tenure, and the one call to
 * make now. Pure: `next(state)` is the call, null when there is nothing to do until something happens; what happens is
 * taken in by tenure-news.ts.
 *
 *                    ┌──────────── told or answered: another holds ────────────┐
 *   unknown ──take──>│                                                        v
 *      ^    vacant ──take──> ours ──why to give it up──> finish ──┬─heir─> elsewhere ──dead: take over──> ours
 *      │      ^                │  reborn or spoilt:               │ here: take over our own
 *      │      └────────────────│──── take it over again ──── end <┘ nobody here
 *      └─── fenced, renewed ───┘
 *
 * A connection is enrolled before it may take, so that an outdated one never writes. A take whose answer did not come is
 * made again as it was until it is answered, also for a connection that is gone by then: else a tenure could stand that
 * nobody knows to be his. What is told while a take is under way makes its refusal worth nothing: it is asked again.
 *
 * After a loss of Redis (ADR 0010) who holds takes again what is his, at once; the others wait until whoever held before
 * has either seen the loss or outlived his proof of life.
 */
import type { Evidence } from "#common/contract/evidence.ts";
import type { ConnectionId, MemberId } from "#common/contract/ids.ts";
import type { Tenure } from "#common/ports/writer-directory.ts";

/** Why a connection is not to write (any more). Times are epoch ms, as in ReignEnd. */
export interface Why {
  readonly reason: Evidence;
  readonly provenAt: number;
  readonly declaredAt: number;
}

/** An admitted connection of this pod. */
export interface Here {
  readonly id: ConnectionId;
  readonly device: string;
  readonly since: number;
  /** The verdict that stands against it; null while it is a living candidate. */
  readonly why: Why | null;
  /** The pod's incarnation that the directory knows it by. */
  readonly enrolledAs: MemberId | null;
}

export type Place =
  | { readonly kind: "unknown" }
  /** `looks`: so many looks pass before this pod takes, because somebody else is wished for. */
  | { readonly kind: "vacant"; readonly looks: number }
  /** `holder`: null when it was only told of; it is asked for. */
  | { readonly kind: "elsewhere"; readonly epoch: number; readonly holder: Tenure | null; readonly dead: boolean }
  /** `spoilt`: it must be taken again before the next write. */
  | {
      readonly kind: "ours";
      readonly tenure: Tenure;
      readonly why: Why | null;
      readonly finished: boolean;
      readonly spoilt: boolean;
    };

export interface Taking {
  readonly heir: Here;
  readonly over: Tenure | null;
  /** Something was told meanwhile. */
  readonly told: boolean;
  /** Redis lost what it acknowledged after this was asked: perhaps this, too, and the counters that it answers with. */
  readonly lost: boolean;
}

export interface State {
  readonly member: MemberId;
  /** The pod gives all its bots away. */
  readonly stopping: Why | null;
  readonly subscribed: boolean;
  readonly here: readonly Here[];
  /** Enrolled, and not here any more. */
  readonly gone: readonly ConnectionId[];
  readonly place: Place;
  /** A take that was not answered. */
  readonly taking: Taking | null;
  /** The highest epoch heard of. */
  readonly seen: number;
  /**
   * Redis lost what it had acknowledged since this pod last took. `waits`: who held the bot before may not know it yet,
   * and his life, which Redis forgot as well, is not over. Nothing is taken but what is ours.
   */
  readonly loss: { readonly waits: boolean } | null;
  /** An operator wishes that after this epoch that connection writes. */
  readonly wish: { readonly epoch: number; readonly to: ConnectionId } | null;
}

export type Call =
  | { readonly kind: "subscribe" | "unsubscribe" }
  | { readonly kind: "enrol"; readonly connection: Here }
  | { readonly kind: "withdraw"; readonly connection: ConnectionId }
  /** The reign writes nothing more and waits for what it wrote. */
  | { readonly kind: "finish"; readonly why: Why }
  | { readonly kind: "take"; readonly heir: Here; readonly over: Tenure | null }
  | { readonly kind: "end"; readonly tenure: Tenure; readonly why: Why };

export const UNKNOWN: Place = { kind: "unknown" };
export function absent(member: MemberId): State {
  const nothing = { stopping: null, subscribed: false, here: [], gone: [], taking: null, loss: null, wish: null };
  return { ...nothing, member, place: UNKNOWN, seen: 0 };
}

export function next(state: State): Call | null {
  const { taking, here, place, loss } = state;
  if (taking !== null && loss?.waits && place.kind !== "ours") return null;
  if (taking !== null) return { kind: "take", heir: taking.heir, over: taking.over };
  if (place.kind === "ours") {
    const call = ofOurs(state, place);
    if (call !== null) return call;
  }
  if (state.stopping !== null || here.length === 0) return leave(state);
  if (!state.subscribed) return { kind: "subscribe" };
  const fresh = here.find(({ enrolledAs }) => enrolledAs !== state.member);
  if (fresh !== undefined) return { kind: "enrol", connection: fresh };
  if (state.gone[0] !== undefined) return { kind: "withdraw", connection: state.gone[0] };
  return place.kind === "ours" ? null : ofOthers(state, place);
}

function ofOurs(state: State, { tenure, why, finished, spoilt }: Extract<Place, { kind: "ours" }>): Call | null {
  if (why === null) {
    if (!spoilt && tenure.member === state.member) return null;
    const writer = state.here.find(({ id }) => id === tenure.connection);
    return writer === undefined ? null : { kind: "take", heir: writer, over: tenure };
  }
  if (!finished) return { kind: "finish", why };
  const heir = state.stopping === null ? heirOf(state, tenure.connection) : undefined;
  if (heir === undefined) return { kind: "end", tenure, why };
  return heir.enrolledAs === null ? { kind: "enrol", connection: heir } : { kind: "take", heir, over: tenure };
}

function ofOthers(state: State, place: Exclude<Place, { kind: "ours" }>): Call | null {
  const heir = heirOf(state);
  if (state.loss?.waits) return null;
  if (heir === undefined || (place.kind === "vacant" && place.looks > 0)) return null;
  if (place.kind !== "elsewhere" || place.holder === null) return { kind: "take", heir, over: null };
  return place.dead ? { kind: "take", heir, over: place.holder } : null;
}

function leave({ gone, here, subscribed }: State): Call | null {
  const connection = gone[0] ?? here.find(({ enrolledAs }) => enrolledAs !== null)?.id;
  if (connection !== undefined) return { kind: "withdraw", connection };
  return subscribed ? { kind: "unsubscribe" } : null;
}

/** The one that is wished for, or else the latest that lives. */
function heirOf({ here, wish }: State, besides?: ConnectionId): Here | undefined {
  const living = here.filter(({ id, why }) => why === null && id !== besides);
  return living.find(({ id }) => id === wish?.to) ?? living.toSorted((a, b) => b.since - a.since)[0];
}
