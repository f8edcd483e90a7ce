/**
 * What is to be done with one action whose turn has come: shown, passed over, or put before an operator. Pure.
 *
 *   confirmed here a moment ago ──> passed: known
 *   in doubt: held class ──> hold     dropped class ──> passed: dropped
 *   past its deadline ──> passed: expired       nothing that the dialect shows ──> passed: unshowable
 *   else ──> shown, labelled when in doubt
 *
 * Doubt comes before the deadline: whether money's last word was shown is an operator's to find out, however late.
 */
import type { OutboundAction, ReceiptState } from "#common/contract/envelope.ts";
import { limits } from "#common/contract/limits.ts";
import type { EncodeOptions, Session } from "#gateway/platforms/platform.ts";
import type { Shown } from "./shown-lately.ts";

type Passed = "expired" | "unshowable" | "known" | "dropped" | "held";

export type Showing =
  | { readonly kind: "show"; readonly frames: readonly Uint8Array[]; readonly resent: boolean; readonly busyMs: number }
  | { readonly kind: "pass"; readonly result: Passed; readonly receipt: ReceiptState }
  | { readonly kind: "hold" };

export interface ShowingOptions {
  readonly session: Pick<Session, "encode" | "busyMs">;
  readonly nowMs: number;
  /** A former writer may have shown it. */
  readonly inDoubt: boolean;
  /** Epoch ms: so may another pod any that was asked for before it, and was not shown here. */
  readonly doubtBefore: number;
  /** Epoch ms: so may any that was put back and was asked for before it. */
  readonly againBefore: number;
  readonly lately: Shown | undefined;
  readonly mark: EncodeOptions["mark"];
}

export function showingOf(action: OutboundAction, options: ShowingOptions): Showing {
  const { session, nowMs, lately, mark } = options;
  if (lately === "confirmed") return { kind: "pass", result: "known", receipt: "confirmed" };
  const doubtBefore = action.again ? Math.max(options.doubtBefore, options.againBefore) : options.doubtBefore;
  const resent = options.inDoubt || lately === "unconfirmed" || askedAtEarliest(action) < doubtBefore;
  if (resent && action.inDoubt === "hold") return { kind: "hold" };
  // `written` says of what is in doubt what is known: it may have been shown.
  if (resent && action.inDoubt === "drop") return { kind: "pass", result: "dropped", receipt: "written" };
  if (action.deadline < nowMs) return { kind: "pass", result: "expired", receipt: resent ? "written" : "expired" };
  const frames = session.encode(action, { nowMs, resent, mark });
  // What the dialect cannot show will not be shown later either.
  if (frames.length === 0) return { kind: "pass", result: "unshowable", receipt: "expired" };
  return { kind: "show", frames, resent, busyMs: session.busyMs(action) };
}

function askedAtEarliest({ askedAt, deadline }: OutboundAction): number {
  return askedAt ?? deadline - limits.actionMsMax;
}
