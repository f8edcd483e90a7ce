import { limits } from "#common/contract/limits.ts";

/**
 * What a connection says besides the chat of the admitted, which has quotas of its own (flow/ingest.ts). All of it is work
 * for nothing, and no phone has much of it to say. The rule of flow/quota.ts, for one key: when it would be even again.
 */
export class OtherFrames {
  #evenAtMs = 0;

  /** Counts one more. @param isIdentified strangers have less to say */
  areTooMany(nowMs: number, isIdentified: boolean): boolean {
    const burstMs = isIdentified ? limits.otherFramesBurstMs : limits.otherFramesBurstBeforeHandshakeMs;
    this.#evenAtMs = Math.max(this.#evenAtMs, nowMs) + 1_000 / limits.otherFramesPerSecondMax;
    return this.#evenAtMs - nowMs > burstMs;
  }
}
