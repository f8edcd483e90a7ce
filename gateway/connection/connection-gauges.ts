import { type Clock, pause } from "#common/kernel/clock.ts";
import type { Part } from "#common/kernel/lifecycle.ts";
import type { Metrics } from "#common/observe/metrics.ts";
import { CONNECTION_ROLES, type ConnectionRole } from "#common/observe/zombie-metrics.ts";
import type { Watch } from "./watch.ts";

/** A look at 10,000 connections takes half a millisecond: rare enough not to be felt. */
const EVERY_MS = 5_000;

interface Gauged {
  readonly role: ConnectionRole | null;
  readonly watch: Pick<Watch, "silentMs">;
  readonly bufferedBytes: number;
}

interface Tools {
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, "zombieOldestSeconds" | "socketBufferedMaxBytes">;
}

/** The worst of the pod's connections, which sums hide. */
export function connectionGauges({ clock, metrics }: Tools, connections: () => Iterable<Gauged>): Part {
  const stop = new AbortController();
  let looking: Promise<void> = Promise.resolve();
  const look = () => {
    const silentMs = new Map<ConnectionRole, number>();
    let mostBytes = 0;
    for (const {
      role,
      watch: { silentMs: ms },
      bufferedBytes,
    } of connections()) {
      mostBytes = Math.max(mostBytes, bufferedBytes);
      if (role !== null && ms > (silentMs.get(role) ?? 0)) silentMs.set(role, ms);
    }
    metrics.socketBufferedMaxBytes.set(mostBytes);
    for (const role of CONNECTION_ROLES) metrics.zombieOldestSeconds.set((silentMs.get(role) ?? 0) / 1_000, { role });
  };
  const lookForEver = async () => {
    while (!stop.signal.aborted) {
      look();
      await pause(clock, EVERY_MS, stop.signal);
    }
  };
  return {
    name: "connection gauges",
    start: async () => {
      looking = lookForEver();
    },
    stop: async () => {
      stop.abort();
      await looking;
    },
  };
}
