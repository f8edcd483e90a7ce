/** How a device is: what is known of it, its newest vitals, and the round trip of its last pings. */
import { MoaError } from "../kernel/errors.ts";
import type { Administration, KnownDevice } from "../ports/administration.ts";
import type { PingSeen, PingStore } from "../ports/pings.ts";
import type { AdminRoutes } from "./admin-door.ts";
import { required } from "./admin-fields.ts";

/** Half an hour of our pings and its own. */
const PINGS_LOOKED_AT = 120;

export interface DeviceStatus {
  readonly device: KnownDevice;
  /** null: none on record. */
  readonly newest: PingSeen | null;
  /** Of our last pings that were answered, ms; manual ones do not count. null: none. */
  readonly meanRttMs: number | null;
  /** How many the mean is of. */
  readonly measured: number;
}

export interface DeviceAdministration {
  readonly administration: Pick<Administration, "device">;
  readonly pings: Pick<PingStore, "newest">;
}

export function deviceRoutes({ administration, pings }: DeviceAdministration): AdminRoutes {
  return {
    "GET device": async ({ query }) => {
      const asked = Object.fromEntries(query);
      const key = { bot: required(asked, "bot"), device: required(asked, "device") };
      const [device, seen] = await Promise.all([administration.device(key), pings.newest(key, PINGS_LOOKED_AT)]);
      if (device === null) throw new MoaError("not_found", "no such device; it is known once it has connected");
      const rtts = seen.flatMap(({ rttMs, vitals }) => (rttMs === null || vitals.isManual ? [] : [rttMs]));
      const sum = rtts.reduce((total, one) => total + one, 0);
      const meanRttMs = rtts.length === 0 ? null : sum / rtts.length;
      return { device, newest: seen[0] ?? null, meanRttMs, measured: rtts.length } satisfies DeviceStatus;
    },
  };
}
