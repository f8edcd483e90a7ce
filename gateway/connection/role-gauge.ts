import type { Metrics } from "#common/observe/metrics.ts";
import type { ConnectionRole, Transport } from "#common/observe/zombie-metrics.ts";

/** Counts one connection under one role at a time, and at its end its age under the last. */
export class RoleGauge {
  readonly #metrics: Pick<Metrics, "connections" | "connectionAgeSeconds">;
  readonly #transport: Transport;
  #role: ConnectionRole | null = null;

  constructor(metrics: Pick<Metrics, "connections" | "connectionAgeSeconds">, transport: Transport) {
    this.#metrics = metrics;
    this.#transport = transport;
  }

  get role(): ConnectionRole | null {
    return this.#role;
  }

  set(role: ConnectionRole): void {
    if (role === this.#role) return;
    this.#leave();
    this.#metrics.connections.inc(1, { role, transport: this.#transport });
    this.#role = role;
  }

  ended(ageSeconds: number): void {
    this.#leave();
    if (this.#role !== null) this.#metrics.connectionAgeSeconds.observe(ageSeconds, { role: this.#role });
    this.#role = null;
  }

  #leave(): void {
    if (this.#role !== null) this.#metrics.connections.inc(-1, { role: this.#role, transport: this.#transport });
  }
}
