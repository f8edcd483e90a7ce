/** Pings of phones on record: what they said of themselves, and how long our own pings took. */
import type { Vitals } from "../contract/vitals.ts";
import type { DeviceKey } from "./approvals.ts";

export interface PingSeen {
  /** Epoch ms, by our clock; kept to the second. */
  readonly at: number;
  readonly address: string;
  /** Of our ping to its answer, ms; null of the phone's own ping. */
  readonly rttMs: number | null;
  readonly vitals: Vitals;
}

export interface Ping extends DeviceKey, PingSeen {
  /** Of the pod that saw it. */
  readonly podName: string;
}

/** Both reject with MoaError mysql_unavailable. */
export interface PingStore {
  /** 1 to pingsPerInsertMax, all or none. After an error they may be there; once more, they would be there twice. */
  append(pings: readonly Ping[]): Promise<void>;
  /** Newest first. */
  newest(device: DeviceKey, limit: number): Promise<readonly PingSeen[]>;
}
