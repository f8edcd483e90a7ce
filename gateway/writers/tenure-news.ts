/**
 * What a bot's tenure state (tenure.ts) becomes when something happens: a connection comes or goes, the channel tells,
 * the directory answers. Pure. An input that the state has no place for changes nothing, so that it may come late.
 */
import type { ConnectionId, MemberId } from "#common/contract/ids.ts";
import type { Enrolment, Tenure, Told } from "#common/ports/writer-directory.ts";
import { type Here, type Place, type State, type Taking, UNKNOWN, type Why } from "./tenure.ts";

export type Input =
  | { readonly kind: "admitted"; readonly connection: Pick<Here, "id" | "device" | "since"> }
  /** Its end, a verdict against it, or a word that it lives after all. */
  | { readonly kind: "gone" | "judged"; readonly connection: ConnectionId; readonly why: Why }
  | { readonly kind: "revived"; readonly connection: ConnectionId }
  | { readonly kind: "told"; readonly told: Extract<Told, { kind: "taken" | "vacant" }> }
  | { readonly kind: "asked"; readonly epoch: number; readonly to: ConnectionId | null; readonly why: Why }
  /** The subscription may have missed something. */
  | { readonly kind: "renewed" }
  | { readonly kind: "reborn"; readonly member: MemberId }
  /** A confirmation or a read showed that the tenure is not ours. */
  | { readonly kind: "fenced" }
  | { readonly kind: "spoilt" }
  /** Redis may not know any more who holds. `waits`: as in the state. */
  | { readonly kind: "lost"; readonly waits: boolean }
  /** `ask`: who holds is asked again though nothing was told. */
  | { readonly kind: "looked"; readonly isDead: (member: MemberId) => boolean; readonly ask: boolean }
  | { readonly kind: "stop"; readonly why: Why }
  | { readonly kind: "subscribed" | "unsubscribed" | "finished" }
  | { readonly kind: "enrolled"; readonly connection: ConnectionId; readonly enrolment: Enrolment }
  | { readonly kind: "withdrawn"; readonly connection: ConnectionId }
  | { readonly kind: "taking"; readonly heir: Here; readonly over: Tenure | null }
  | { readonly kind: "taken"; readonly tenure: Tenure }
  | { readonly kind: "held"; readonly holder: Tenure }
  | { readonly kind: "ended"; readonly tenure: Tenure; readonly was: boolean };

/** The looks that the pods let pass which were not wished for: one may be about to come. */
const LOOKS_FOR_A_WISH = 2;

/** Connections here that the told one of the same device leaves behind. */
export function outdatedBy(state: State, told: Extract<Told, { kind: "enrolled" }>): readonly ConnectionId[] {
  return state.here
    .filter(({ device, since }) => device === told.device && since <= told.since)
    .filter(({ id, since }) => id !== told.connection && (since < told.since || id < told.connection))
    .map(({ id }) => id);
}

export function learn(state: State, input: Input): State {
  switch (input.kind) {
    case "admitted":
      return { ...state, here: [...state.here, { ...input.connection, why: null, enrolledAs: null }] };
    case "gone":
    case "judged":
    case "revived":
      return ofConnection(state, input);
    case "told":
      return told(state, input.told);
    case "asked":
      return asked(state, input);
    case "renewed":
      return state.place.kind === "ours" ? state : { ...state, place: UNKNOWN, taking: heard(state.taking) };
    case "reborn":
      return { ...state, member: input.member };
    case "fenced":
      return state.place.kind === "ours" ? { ...state, place: UNKNOWN } : state;
    case "spoilt":
      return inOurs(state, { spoilt: true });
    case "lost":
      return { ...state, loss: { waits: input.waits }, taking: state.taking && { ...state.taking, lost: true } };
    case "looked":
      return looked(state, input);
    case "stop":
      return stopped(state, input.why);
    default:
      return answered(state, input);
  }
}

type Answer = Extract<
  Input,
  {
    kind: "subscribed" | "unsubscribed" | "finished" | "enrolled" | "withdrawn" | "taking" | "taken" | "held" | "ended";
  }
>;

function answered(state: State, answer: Answer): State {
  switch (answer.kind) {
    case "subscribed":
      return { ...state, subscribed: true };
    case "unsubscribed":
      return { ...state, subscribed: false, place: UNKNOWN, wish: null };
    case "finished":
      return inOurs(state, { finished: true });
    case "enrolled":
      return enrolled(state, answer);
    case "withdrawn":
      return {
        ...changed(state, answer.connection, { enrolledAs: null }),
        gone: state.gone.filter((id) => id !== answer.connection),
      };
    case "taking":
      return { ...state, taking: { heir: answer.heir, over: answer.over, told: false, lost: false } };
    case "taken":
      return taken(state, answer.tenure);
    case "held":
      return held(state, answer.holder);
    case "ended":
      return ended(state, answer);
  }
}

function ofConnection(state: State, input: Extract<Input, { kind: "gone" | "judged" | "revived" }>): State {
  const { connection } = input;
  const known = state.here.find(({ id }) => id === connection);
  if (known === undefined) return state;
  const why = input.kind === "revived" ? null : input.why;
  const { taking, place } = state;
  const marked = {
    ...changed(state, connection, { why }),
    taking: taking?.heir.id === connection ? { ...taking, heir: { ...taking.heir, why } } : taking,
  };
  const isWriter = place.kind === "ours" && place.tenure.connection === connection;
  // Who revives does not take back what is given up already.
  const given = isWriter && why !== null && place.why === null ? inOurs(marked, { why }) : marked;
  if (input.kind !== "gone") return given;
  // A later one of the device strikes it off as it enrols.
  const strikes = known.enrolledAs !== null && input.why.reason !== "superseded";
  return {
    ...given,
    here: given.here.filter(({ id }) => id !== connection),
    gone: strikes ? [...state.gone, connection] : state.gone,
  };
}

function told(state: State, { kind, ...what }: Extract<Told, { kind: "taken" | "vacant" }>): State {
  const { place, here } = state;
  const { epoch } = what;
  const known = place.kind === "ours" ? place.tenure.epoch : place.kind === "elsewhere" ? place.epoch : 0;
  const seen = Math.max(state.seen, epoch);
  const next = { ...state, seen, taking: heard(state.taking) };
  if (kind === "vacant") {
    // What is known to be vacant may wait for its looks.
    if (place.kind === "ours" || place.kind === "vacant" || epoch < known) return next;
    return { ...next, place: { kind: "vacant", looks: looksAfter(state, epoch) } };
  }
  // Our own take, told before it was answered.
  const isOwn = "connection" in what && here.some(({ id }) => id === what.connection);
  if (isOwn || epoch <= known) return { ...state, seen };
  return { ...next, place: { kind: "elsewhere", epoch, holder: null, dead: false } };
}

function stopped(state: State, why: Why): State {
  const { place } = state;
  return inOurs({ ...state, stopping: why }, { why: (place.kind === "ours" ? place.why : null) ?? why });
}

function looksAfter({ wish, here }: State, epoch: number): number {
  const isElsewhere = wish?.epoch === epoch && !here.some(({ id }) => id === wish.to);
  return isElsewhere ? LOOKS_FOR_A_WISH : 0;
}

function asked(state: State, { epoch, to, why }: Extract<Input, { kind: "asked" }>): State {
  const wished = { ...state, wish: to === null ? null : { epoch, to } };
  const { place } = state;
  if (place.kind !== "ours" || place.tenure.epoch !== epoch || place.tenure.connection === to) return wished;
  return place.why === null ? inOurs(wished, { why }) : wished;
}

function looked(state: State, { isDead, ask }: Extract<Input, { kind: "looked" }>): State {
  const { place } = state;
  if (place.kind === "vacant" && place.looks > 0) return { ...state, place: { ...place, looks: place.looks - 1 } };
  if (place.kind !== "elsewhere" || place.holder === null) return state;
  if (isDead(place.holder.member)) return place.dead ? state : { ...state, place: { ...place, dead: true } };
  return ask ? { ...state, place: { ...place, holder: null } } : state;
}

function enrolled(state: State, { connection, enrolment: { holder, outdated } }: Extract<Input, { kind: "enrolled" }>) {
  if (outdated) return state;
  const next = changed(state, connection, { enrolledAs: state.member });
  if (state.place.kind !== "unknown") return next;
  const place: Place = holder === null ? { kind: "vacant", looks: 0 } : elsewhere(state, holder);
  return { ...next, place, seen: Math.max(state.seen, holder?.epoch ?? 0) };
}

function taken(state: State, tenure: Tenure): State {
  const seen = Math.max(state.seen, tenure.epoch);
  if (state.taking?.lost) return { ...state, taking: null, seen, place: UNKNOWN };
  const next = { ...state, taking: null, loss: null, wish: null, seen };
  if (tenure.epoch < state.seen)
    return { ...next, place: { kind: "elsewhere", epoch: seen, holder: null, dead: false } };
  const why = state.stopping ?? state.taking?.heir.why ?? null;
  return { ...next, place: { kind: "ours", tenure, why, finished: false, spoilt: false } };
}

function held(state: State, holder: Tenure): State {
  const next = { ...state, taking: null, seen: Math.max(state.seen, holder.epoch) };
  return { ...next, place: state.taking?.told ? UNKNOWN : elsewhere(state, holder) };
}

/** A tenure in this pod's own name that it does not hold is left by a Redis that went back: nobody else will end it. */
function elsewhere({ member }: State, holder: Tenure): Place {
  return { kind: "elsewhere", epoch: holder.epoch, holder, dead: holder.member === member };
}

function ended(state: State, { tenure, was }: Extract<Input, { kind: "ended" }>): State {
  const { place } = state;
  if (place.kind !== "ours" || place.tenure.epoch !== tenure.epoch) return state;
  if (!was) return { ...state, place: UNKNOWN };
  // Who was asked to give it up is the last to take it again.
  return { ...state, place: { kind: "vacant", looks: place.why?.reason === "operator" ? LOOKS_FOR_A_WISH : 0 } };
}

function heard(taking: Taking | null): Taking | null {
  return taking === null ? null : { ...taking, told: true };
}

function inOurs(state: State, change: Partial<Extract<Place, { kind: "ours" }>>): State {
  return state.place.kind === "ours" ? { ...state, place: { ...state.place, ...change } } : state;
}

function changed(state: State, connection: ConnectionId, change: Partial<Here>): State {
  return { ...state, here: state.here.map((one) => (one.id === connection ? { ...one, ...change } : one)) };
}
