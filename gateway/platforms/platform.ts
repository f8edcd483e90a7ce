/**
 * A platform is a codec: bytes of one chat network to events and back. It opens no socket, no store and knows no time
 * but what it is given.
 */
import type { OutboundAction } from "#common/contract/envelope.ts";
import type { Vitals } from "#common/contract/vitals.ts";
import type { FrameFault } from "#common/observe/frame-faults.ts";
import type { SignatureResult } from "#common/observe/signature-results.ts";

/** Who a connection says it is. */
export interface Identity {
  readonly bot: string;
  readonly device: string;
  readonly version: string;
  readonly clientType: string;
  readonly deviceInfo: string;
}

/** A chat line as decoded; flow/ingest adds the connection's identity, the receive time and the event id. */
export interface ChatLine {
  readonly channel: string;
  readonly room: string;
  readonly sender: string;
  readonly userHash: string;
  readonly text: string;
  readonly logId: string | null;
  readonly isGroupChat: boolean;
  readonly isMention: boolean;
  readonly clientAt: number | null;
}

/** What a frame carries to show who made it, as it came; only its platform's `verify` reads it. */
export type Proof = Readonly<Record<string, unknown>>;

/** Against what a proof is held: the connection's identity, the keys of its bot, the receive time. */
export interface Claim {
  readonly identity: Identity;
  /** 1 or more. */
  readonly keys: readonly SigningKey[];
  readonly nowMs: number;
}

export interface SigningKey {
  readonly key: string;
  readonly salt: string;
}

export interface Verdict {
  readonly result: SignatureResult;
  /** Our clock minus the signer's, ms. null unless a key fitted: what a stranger says of its clock is nothing. */
  readonly skewMs: number | null;
}

export type Decoded =
  | { readonly kind: "handshake"; readonly identity: Identity }
  /** `claims` is the identity that the line itself carries, if it does: it identifies a connection whose handshake was lost. */
  | { readonly kind: "chat"; readonly line: ChatLine; readonly claims: Identity | null; readonly proof: Proof | null }
  /** Answer to our ping. `token` is what we put in, verbatim. */
  | { readonly kind: "pong"; readonly token: string; readonly vitals: Vitals; readonly proof: Proof | null }
  /** The peer's own ping: answered by `Session.pong`. */
  | { readonly kind: "ping"; readonly echo: unknown; readonly vitals: Vitals; readonly proof: Proof | null }
  /** Counted and skipped; the connection stays. `detail` names the field, never its content. */
  | { readonly kind: "fault"; readonly fault: FrameFault; readonly detail: string }
  /** Not a protocol that we speak: closed with a clear log line. */
  | { readonly kind: "refuse"; readonly fault: FrameFault; readonly detail: string };

/** The codec state of one connection: its dialect is learnt from the shape of what it sends, never from its version. */
export interface Session {
  /** Splits a chunk into frames. A frame is a view into memory that is the caller's from then on. */
  push(chunk: Uint8Array): FramedResult;
  decode(frame: Uint8Array): Decoded;
  /** Answer to an accepted handshake. `status`: of the device's approval. */
  welcome(nowMs: number, status: string): Uint8Array;
  /** 1 or more frames, in order: long texts and large groups are split. Empty when the dialect cannot show the action. */
  encode(action: OutboundAction, options: EncodeOptions): readonly Uint8Array[];
  ping(bot: string, token: string): Uint8Array;
  pong(bot: string, echo: unknown): Uint8Array;
  /** How long the peer may be unable to read because it shows this action, ms (media blocks a phone's receive thread). */
  busyMs(action: OutboundAction): number;
}

export interface EncodeOptions {
  readonly nowMs: number;
  /** The action may have been shown before: the frames say so, in a field that phones ignore. */
  readonly resent: boolean;
  /** Under which tenure and when it is written, epoch ms, in fields that phones ignore; only for tests. */
  readonly mark?: { readonly epoch: number; readonly at: number } | undefined;
}

export interface FramedResult {
  readonly frames: readonly Uint8Array[];
  /** The line grew beyond the limit: the connection must be closed. */
  readonly tooLarge: boolean;
  /** Of a line whose end has not come, kept until it does. */
  readonly heldBytes: number;
}

export interface Platform {
  readonly name: string;
  open(): Session;
  verify(proof: Proof | null, claim: Claim): Verdict;
}
