/**
 * Vital signs that a phone sends with a ping, its own or its answer to ours; what it did not say is null. Gateways put
 * them on record, workers show them.
 */
export interface Vitals {
  readonly memoryUsedMb: number | null;
  readonly memoryMaxMb: number | null;
  readonly queueSize: number | null;
  readonly activeRooms: number | null;
  /** Percent. */
  readonly cpu: number | null;
  /** Degrees Celsius. */
  readonly temperature: number | null;
  readonly uptimeMs: number | null;
  readonly messageCount: number | null;
  /** A time as the phone wrote it, with or without its zone. */
  readonly lastActivity: string | null;
  /** Somebody asked the phone for it, who may have stopped it for that: it says little of its usual round trip. */
  readonly isManual: boolean;
}
