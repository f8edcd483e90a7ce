/**
 * What a connection may say in which state, and what follows: pure. connection.ts carries the effects out.
 *
 *   handshaking ──handshake, or a chat line that says who speaks──> identified
 *       │ waiting lines (bounded) are released in order at that moment
 *       └──no identity in time, one line too many, a foreign protocol──> closed <──lost, replaced, drained── any
 *
 * A phone whose outbox was full sends its handshake after up to ten chat lines, or never on this connection, because it
 * puts the handshake at the end of its own queue; leftovers arrive in the middle of a session. So a handshake is welcome
 * at any time, and the first identity of a connection is the only one it ever has.
 */
import { limits } from "#common/contract/limits.ts";
import type { Vitals } from "#common/contract/vitals.ts";
import { never } from "#common/kernel/assert.ts";
import type { FrameFault } from "#common/observe/frame-faults.ts";
import type { CloseReason } from "#common/observe/metric-catalogue.ts";
import type { ChatLine, Decoded, Identity, Proof } from "#gateway/platforms/platform.ts";

/** A chat line as it was read. `frame` is kept for the id of lines that carry none. */
export interface ReadLine {
  readonly line: ChatLine;
  readonly frame: Uint8Array;
  /** Epoch ms at which the whole frame was here. */
  readonly receivedAt: number;
  readonly proof: Proof | null;
}

export type State =
  | { readonly phase: "handshaking"; readonly waiting: readonly ReadLine[] }
  | { readonly phase: "identified"; readonly identity: Identity }
  | { readonly phase: "closed" };

export type Input =
  | Exclude<Decoded, { kind: "chat" }>
  | { readonly kind: "chat"; readonly read: ReadLine; readonly claims: Identity | null }
  | { readonly kind: "too_large" }
  | { readonly kind: "handshake_deadline" }
  /** Ended from outside: by the peer, the wire, a newer connection or the drain. */
  | { readonly kind: "ended"; readonly reason: CloseReason };

export type Effect =
  | { readonly kind: "identify"; readonly identity: Identity; readonly by: "handshake" | "claims" }
  | { readonly kind: "welcome" }
  | { readonly kind: "ingest"; readonly read: ReadLine }
  | { readonly kind: "answer_ping"; readonly echo: unknown; readonly vitals: Vitals; readonly proof: Proof | null }
  | { readonly kind: "measure"; readonly token: string; readonly vitals: Vitals; readonly proof: Proof | null }
  /** Counted and logged; nothing else happens. */
  | { readonly kind: "complain"; readonly fault: FrameFault; readonly detail: string }
  | { readonly kind: "keep_identity"; readonly refused: Identity }
  /** `discarded`: lines that waited for an identity and never got one. */
  | { readonly kind: "close"; readonly reason: CloseReason; readonly discarded: number };

export interface Step {
  readonly state: State;
  readonly effects: readonly Effect[];
}

export const initialState: State = { phase: "handshaking", waiting: [] };

export function transition(state: State, input: Input): Step {
  switch (state.phase) {
    case "handshaking":
      return whileHandshaking(state, input);
    case "identified":
      return whileIdentified(state, input);
    case "closed":
      return { state, effects: [] };
    default:
      return never(state);
  }
}

function whileHandshaking(state: State & { phase: "handshaking" }, input: Input): Step {
  switch (input.kind) {
    case "handshake":
      if (!names(input.identity)) return close(state, "handshake_invalid");
      return identify(state, input.identity, "handshake");
    case "chat":
      return chatBeforeHandshake(state, input.read, input.claims);
    case "fault":
      // A handshake that names nobody: saying nothing would keep a phone that can never be answered.
      if (input.fault === "handshake_invalid") return close(state, "handshake_invalid", [complaint(input)]);
      return { state, effects: [complaint(input)] };
    case "handshake_deadline":
      return close(state, "handshake_timeout");
    case "ping":
    case "pong":
      // Left over from an earlier connection of the phone; it proves nothing about this one.
      return { state, effects: [] };
    default:
      return closing(state, input);
  }
}

function whileIdentified(state: State & { phase: "identified" }, input: Input): Step {
  switch (input.kind) {
    case "handshake":
      if (same(state.identity, input.identity)) return { state, effects: [{ kind: "welcome" }] };
      return { state, effects: [{ kind: "keep_identity", refused: input.identity }] };
    case "chat":
      return { state, effects: [{ kind: "ingest", read: input.read }] };
    case "ping":
      return { state, effects: [{ ...input, kind: "answer_ping" }] };
    case "pong":
      return { state, effects: [{ ...input, kind: "measure" }] };
    case "fault":
      return { state, effects: [complaint(input)] };
    case "handshake_deadline":
      return { state, effects: [] };
    default:
      return closing(state, input);
  }
}

/** Inputs that end a connection in every state. */
function closing(state: State, input: Extract<Input, { kind: "refuse" | "too_large" | "ended" }>): Step {
  switch (input.kind) {
    case "refuse": {
      const reason = input.fault === "handshake_invalid" ? "handshake_invalid" : "protocol_unsupported";
      return close(state, reason, [complaint(input)]);
    }
    case "too_large":
      return close(state, "frame_too_large", [complaint({ fault: "too_large", detail: "a line is over the limit" })]);
    case "ended":
      return close(state, input.reason);
    default:
      return never(input);
  }
}

function chatBeforeHandshake(state: State & { phase: "handshaking" }, read: ReadLine, claims: Identity | null): Step {
  const waiting = [...state.waiting, read];
  if (claims !== null && names(claims)) return identify({ ...state, waiting }, claims, "claims");
  if (waiting.length > limits.framesBeforeHandshakeMax) return close({ ...state, waiting }, "frames_before_handshake");
  return { state: { ...state, waiting }, effects: [] };
}

function identify(state: State & { phase: "handshaking" }, identity: Identity, by: "handshake" | "claims"): Step {
  const effects: Effect[] = [{ kind: "identify", identity, by }];
  if (by === "handshake") effects.push({ kind: "welcome" });
  for (const read of state.waiting) effects.push({ kind: "ingest", read });
  return { state: { phase: "identified", identity }, effects };
}

function close(state: State, reason: CloseReason, before: readonly Effect[] = []): Step {
  const discarded = state.phase === "handshaking" ? state.waiting.length : 0;
  return { state: { phase: "closed" }, effects: [...before, { kind: "close", reason, discarded }] };
}

function complaint({ fault, detail }: { readonly fault: FrameFault; readonly detail: string }): Effect {
  return { kind: "complain", fault, detail };
}

function names(identity: Identity): boolean {
  return identity.bot !== "" && identity.device !== "";
}

/** Version and device description may change while a phone runs; who it is may not. */
function same(a: Identity, b: Identity): boolean {
  return a.bot === b.bot && a.device === b.device;
}
