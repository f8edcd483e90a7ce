/**
 * Bounds what one connection says besides the chat of the admitted, which has quotas of its own (flow/ingest.ts): bytes
 * that nobody can use yet, and frames that are work for nothing. No phone has much of either.
 */
import { limits } from "#common/contract/limits.ts";
import type { Clock } from "#common/kernel/clock.ts";
import type { FrameFault } from "#common/observe/frame-faults.ts";
import type { CloseReason } from "#common/observe/metric-catalogue.ts";
import type { HeldBytes } from "./held-bytes.ts";

interface Speaker {
  readonly identity: object | null;
  readonly isRead: boolean;
  hold(why: "flood"): void;
  close(reason: CloseReason): void;
}

/** Faults of a line that a phone's script makes all the same: a picture has no text. */
const INNOCENT: ReadonlySet<FrameFault> = new Set(["missing_channel", "missing_room", "missing_text"]);

export class Intake {
  readonly #speaker: Speaker;
  readonly #held: HeldBytes;
  readonly #clock: Clock;
  /** Before it had its identity: all of it may still be waiting. */
  #bytesBefore = 0;
  /** The rule of flow/quota.ts, for one key: when it would be even again. */
  #evenAtMs = 0;

  constructor(speaker: Speaker, { held, clock }: { readonly held: HeldBytes; readonly clock: Clock }) {
    this.#speaker = speaker;
    this.#held = held;
    this.#clock = clock;
  }

  /** One chunk, with the ends of so many lines in it; `unfinished` bytes are of a line whose end has not come. */
  took(bytes: number, lines: number, unfinished: number): void {
    if (this.#speaker.identity !== null) {
      this.#held.set(this.#speaker, unfinished, lines > 0);
      return;
    }
    this.#bytesBefore += bytes;
    if (this.#bytesBefore > limits.bytesBeforeHandshakeMax) this.#speaker.close("frames_before_handshake");
    else this.#held.set(this.#speaker, this.#bytesBefore, false);
  }

  /**
   * One more frame that is no chat of the admitted; strangers have less to say. Who says too much is not read any more, and
   * ended later: a flooder that is let go dials again, and a connection costs more than frames. What no phone's script
   * makes counts as many frames: it is the dearest to read, and no phone's loss.
   */
  tookOther(fault: FrameFault | null): void {
    const isKnown = this.#speaker.identity !== null;
    const burstMs = isKnown ? limits.otherFramesBurstMs : limits.otherFramesBurstBeforeHandshakeMs;
    const nowMs = this.#clock.monotonicMs();
    const weight = fault === null || INNOCENT.has(fault) ? 1 : limits.junkFrameWeight;
    this.#evenAtMs = Math.max(this.#evenAtMs, nowMs) + (weight * 1_000) / limits.otherFramesPerSecondMax;
    if (this.#evenAtMs - nowMs <= burstMs) return;
    this.#speaker.hold("flood");
    this.#clock.after(limits.floodLingerMs, () => this.#speaker.close("flood"));
  }

  ended(): void {
    this.#held.set(this.#speaker, 0, false);
  }
}
